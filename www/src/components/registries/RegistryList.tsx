// A list of registries. Of a long one only the rows in view are rendered.

import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import type { EntryList, Finding } from "pullgate";
import { useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import { type PolicyAnalysis, reportOf } from "../../form/analysis";
import { isVisible, textOf } from "../../form/document";
import { type ListAddress, listOf, newRow, scopeOf } from "../../form/edits";
import { isPlainLines, splitList } from "../../form/splitList";
import { useListActions, usePolicy } from "../../form/usePolicyForm";
import type { RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import type { RowHighlight } from "./highlight";
import { ListToolbar, SelectionBar } from "./ListToolbar";
import { PasteDialog } from "./PasteDialog";
import { RegistryRow, type RowForm, type RowLabels } from "./RegistryRow";
import { ALL_ROWS, useListView } from "./useListView";

/** The number of rows from which the list scrolls by itself. */
const MAX_PLAIN_ROWS = 60;
const ROW_HEIGHT = 49;
/** Rows rendered above and below those in view. */
const OVERSCAN = 8;

interface Props {
  address: ListAddress;
  form: RowForm;
  label: string;
  labels: RowLabels;
  /** True if the list has the tools of long lists. */
  tools?: boolean;
  /** Headings of the columns. */
  heading?: React.ReactNode;
  highlight?: RowHighlight | undefined;
  findingAction?: (finding: Finding, row: RegistryValues) => React.ReactNode;
}

export function RegistryList({ address, form, label, labels, tools = false, heading, highlight, findingAction }: Props) {
  const policy = usePolicy();
  const { values, analysis, focused } = policy;
  const actions = useListActions(policy, address);
  const rows = listOf(values, address);
  const { whitelistMode } = scopeOf(values, address.scope);
  const visible = useMemo(
    () => (address.list === "rows" ? rows.filter((row) => isVisible(row, whitelistMode)) : rows),
    [address.list, rows, whitelistMode],
  );
  const view = useListView(visible, analysis);
  const { shown, isFiltered, setCriteria } = view;
  const [pasted, setPasted] = useState<{ text: string; at: number | undefined }>();
  const [selected, setSelected] = useState<ReadonlySet<number>>();
  const onSelect = useCallback(
    (id: number, isSelected: boolean) =>
      setSelected((selected) => {
        const next = new Set(selected);
        if (isSelected) next.add(id);
        else next.delete(id);
        return next;
      }),
    [],
  );
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  /** The row with the focus, which stays rendered while it is scrolled out of view. */
  const active = useRef<number>(undefined);
  const isLong = shown.length > MAX_PLAIN_ROWS;
  // All heights are summed up again whenever this function changes: typing into a row is no reason.
  const sequence = useSequence(shown);
  const getItemKey = useCallback((index: number) => sequence[index]!.id, [sequence]);
  const virtualizer = useVirtualizer({
    count: shown.length,
    enabled: isLong,
    estimateSize: () => ROW_HEIGHT,
    getItemKey,
    getScrollElement: () => box.current,
    overscan: OVERSCAN,
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      const at = active.current === undefined ? -1 : shown.findIndex(({ id }) => id === active.current);
      if (at === -1 || indexes.includes(at)) return indexes;
      return at < range.startIndex ? [at, ...indexes] : [...indexes, at];
    },
  });

  const latest = useRef(shown);
  latest.current = shown;
  const onMove = useCallback((id: number, step: 1 | -1) => {
    const at = latest.current.findIndex((row) => row.id === id);
    const next = latest.current[at + step];
    if (at !== -1 && next) actions.focus(next.id);
  }, [actions]);
  const onPaste = useCallback((text: string, row: RegistryValues) => {
    // Where there is doubt about the entries, a preview shows them first.
    if (isPlainLines(text)) actions.addEntries(splitList(text), row.id);
    else setPasted({ text, at: row.id });
  }, [actions]);
  const fixes = useMemo(() => fixesOf(shown, analysis, form, address), [shown, analysis, form, address]);

  const handled = useRef<typeof focused>(undefined);
  const target = focused === undefined ? -1 : shown.findIndex(({ id }) => id === focused.row);
  useEffect(() => {
    // A row just added may be rendered later.
    if (focused === handled.current) return;
    if (target === -1) {
      // A row that is filtered out has to be shown.
      if (isFiltered && visible.some(({ id }) => id === focused!.row)) setCriteria(ALL_ROWS);
      return;
    }
    handled.current = focused;
    const isCurrent = () => handled.current === focused;
    // A list that has just become long scrolls from the next frame on.
    const reveal = () => isLong && virtualizer.scrollToIndex(target, { align: "auto" });
    focusRow(box, focused!.row, isCurrent, reveal);
  }, [focused, target, isLong, virtualizer, isFiltered, visible, setCriteria]);

  const item = (row: RegistryValues, index: number) => (
    <RegistryRow
      row={row}
      number={index + 1}
      form={form}
      list={entryList(form, address, row)}
      labels={labels}
      known={analysis.rows.get(row.id)}
      highlight={highlightOf(row)}
      isSelected={selected?.has(row.id)}
      onSelect={onSelect}
      actions={actions}
      onMove={onMove}
      onPaste={onPaste}
      findingAction={findingAction}
    />
  );
  const highlightOf = ({ id }: RegistryValues) => (highlight?.row === id ? highlight.kind : undefined);
  const attributes = (row: RegistryValues) => ({
    className: "row",
    "data-row": row.id,
    "data-highlight": highlightOf(row),
    "data-disabled": row.enabled === false || undefined,
  });
  const plainRows = () => (
    <div className="rows-box" ref={box} data-history>
      <ol className="rows" aria-label={label}>
        {shown.map((row, index) => (
          <li key={row.id} {...attributes(row)}>
            {item(row, index)}
          </li>
        ))}
      </ol>
    </div>
  );
  const virtualRows = () => (
    <div
      className="rows-box long"
      ref={box}
      data-history
      onFocus={({ target }) => {
        active.current = Number(target.closest<HTMLElement>("[data-row]")?.dataset.row);
      }}
      onKeyDown={({ key }) => {
        if (key === "Escape") document.getElementById(`${id}-end`)?.focus();
      }}
    >
      <ol className="rows" aria-label={label} style={{ blockSize: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const row = shown[index]!;
          return (
            <li
              key={row.id}
              ref={virtualizer.measureElement}
              {...attributes(row)}
              data-index={index}
              aria-setsize={shown.length}
              aria-posinset={index + 1}
              style={{ translate: `0 ${start}px` }}
            >
              {item(row, index)}
            </li>
          );
        })}
      </ol>
    </div>
  );
  return (
    <div className="registry-list">
      {tools && (
        <ListToolbar
          view={view}
          total={visible.length}
          isSelecting={selected !== undefined}
          onSelecting={(on) => setSelected(on ? new Set() : undefined)}
          onPaste={() => setPasted({ text: "", at: undefined })}
          fixes={fixes}
          actions={actions}
        />
      )}
      {selected && (
        <SelectionBar
          shown={shown}
          selected={selected}
          onSelect={setSelected}
          hasTransport={form === "transport"}
          actions={actions}
        />
      )}
      {heading}
      {isLong ? (
        <>
          <SkipLink id={`${id}-start`} to={`${id}-end`} label={messages.list.skip(shown.length)} />
          {virtualRows()}
          <SkipLink id={`${id}-end`} to={`${id}-start`} label={messages.list.skipBack(shown.length)} />
          <p className="muted list-keys">{messages.list.keys}</p>
        </>
      ) : (
        plainRows()
      )}
      {shown.length === 0 && isFiltered && <p className="muted">{messages.list.noneShown}</p>}
      {pasted && (
        <PasteDialog
          text={pasted.text}
          list={entryList(form, address, newRow(values, address))}
          known={new Set(visible.map(textOf))}
          hasTransport={form === "transport"}
          onAdd={(entries) => actions.addEntries(entries, pasted.at)}
          onClose={() => setPasted(undefined)}
        />
      )}
    </div>
  );
}

/** A link over a long list, to the one at its other end: hundreds of fields lie between. It is seen when it has the focus. */
function SkipLink({ id, to, label }: { id: string; to: string; label: string }) {
  return (
    <a
      id={id}
      className="skip-list"
      href={`#${to}`}
      onClick={(event) => {
        event.preventDefault();
        document.getElementById(to)?.focus();
      }}
    >
      {label}
    </a>
  );
}

/** Returns the rows of the last time as long as they are the same ones in the same order, whatever their texts. */
function useSequence(rows: readonly RegistryValues[]): readonly RegistryValues[] {
  const last = useRef(rows);
  const isSame = last.current.length === rows.length && last.current.every(({ id }, index) => rows[index]!.id === id);
  if (!isSame) last.current = rows;
  return last.current;
}

/** Returns the first fix of each row that has an error. */
function fixesOf(
  rows: readonly RegistryValues[],
  { rows: known }: PolicyAnalysis,
  form: RowForm,
  address: ListAddress,
): ReadonlyMap<number, Finding> {
  const wrong = [...known.values()].filter(({ findings }) => findings.some(({ severity }) => severity === "error"));
  const fixes = new Map<number, Finding>();
  if (wrong.length === 0) return fixes;
  const shown = new Set(rows);
  for (const found of wrong) {
    if (!shown.has(found.row)) continue;
    const { findings } = reportOf(found.row, entryList(form, address, found.row), found);
    const fix = findings.find(({ severity, fix, range }) => severity === "error" && fix !== undefined && range);
    if (fix) fixes.set(found.row.id, fix);
  }
  return fixes;
}

/** Returns the list whose rules hold for a row. A limit has the syntax of an insecure entry: a host and a port. */
function entryList(form: RowForm, { list }: ListAddress, row: RegistryValues): EntryList {
  if (list === "builtIn") return "built-in";
  if (list === "blocked") return "blocked";
  return form === "entry" || row.insecure ? "insecure" : "whitelist";
}

/** Focuses a field of a row, at once or as soon as it is rendered, unless another request comes first. */
function focusRow(
  box: React.RefObject<HTMLElement | null>,
  id: number,
  isCurrent: () => boolean,
  reveal: () => void,
  framesLeft = 30,
): void {
  const row = box.current?.querySelector(`[data-row="${id}"]`);
  const field = row?.querySelector<HTMLElement>('input[aria-invalid="true"]') ?? row?.querySelector<HTMLElement>("input:not([type=checkbox])");
  if (field) return field.focus();
  if (framesLeft === 0) return;
  reveal();
  requestAnimationFrame(() => isCurrent() && focusRow(box, id, isCurrent, reveal, framesLeft - 1));
}
