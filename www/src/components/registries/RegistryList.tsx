// A list of registries. Of a long one only the rows in view are rendered.

import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import type { EntryList, Finding } from "pullgate";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { isVisible } from "../../form/document";
import { type ListAddress, listOf, scopeOf } from "../../form/edits";
import { useListActions, usePolicy } from "../../form/usePolicyForm";
import { type RegistryValues } from "../../form/values";
import type { RowHighlight } from "./highlight";
import { RegistryRow, type RowForm, type RowLabels } from "./RegistryRow";

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
  highlight?: RowHighlight | undefined;
  findingAction?: (finding: Finding, row: RegistryValues) => React.ReactNode;
}

export function RegistryList({ address, form, label, labels, highlight, findingAction }: Props) {
  const policy = usePolicy();
  const { values, analysis, focused } = policy;
  const actions = useListActions(policy, address);
  const rows = listOf(values, address);
  const { whitelistMode } = scopeOf(values, address.scope);
  const shown = useMemo(
    () => (address.list === "rows" ? rows.filter((row) => isVisible(row, whitelistMode)) : rows),
    [address.list, rows, whitelistMode],
  );
  const box = useRef<HTMLDivElement>(null);
  /** The row with the focus, which stays rendered while it is scrolled out of view. */
  const active = useRef<number>(undefined);
  const isLong = shown.length > MAX_PLAIN_ROWS;
  const virtualizer = useVirtualizer({
    count: shown.length,
    enabled: isLong,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => shown[index]!.id,
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
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
    actions.addEntries(lines.map((entry) => ({ entry })), row.id);
  }, [actions]);

  const handled = useRef<typeof focused>(undefined);
  const target = focused === undefined ? -1 : shown.findIndex(({ id }) => id === focused.row);
  useEffect(() => {
    // A row just added may be rendered later.
    if (focused === handled.current || target === -1) return;
    handled.current = focused;
    const isCurrent = () => handled.current === focused;
    if (isLong) virtualizer.scrollToIndex(target, { align: "auto" });
    focusRow(box.current, focused!.row, isCurrent);
  }, [focused, target, isLong, virtualizer]);

  const item = (row: RegistryValues, index: number) => (
    <RegistryRow
      row={row}
      number={index + 1}
      form={form}
      list={entryList(form, address, row)}
      labels={labels}
      known={analysis.rows.get(row.id)}
      highlight={highlightOf(row)}
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
  if (!isLong) {
    return (
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
  }
  return (
    <div
      className="rows-box long"
      ref={box}
      data-history
      onFocus={({ target }) => {
        active.current = Number(target.closest<HTMLElement>("[data-row]")?.dataset.row);
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
}

/** Returns the list whose rules hold for a row. A limit has the syntax of an insecure entry: a host and a port. */
function entryList(form: RowForm, { list }: ListAddress, row: RegistryValues): EntryList {
  if (list === "builtIn") return "built-in";
  return form === "entry" || row.insecure ? "insecure" : "whitelist";
}

/** Focuses a field of a row, at once or as soon as it is rendered, unless another request comes first. */
function focusRow(box: HTMLElement | null, id: number, isCurrent: () => boolean, framesLeft = 30): void {
  const row = box?.querySelector(`[data-row="${id}"]`);
  const field = row?.querySelector<HTMLElement>('input[aria-invalid="true"]') ?? row?.querySelector("input");
  if (field) field.focus();
  else if (framesLeft > 0) {
    requestAnimationFrame(() => isCurrent() && focusRow(box, id, isCurrent, framesLeft - 1));
  }
}
