// Tools of a list: search, filter, order, a list to paste, and actions on the selected rows.

import type { Finding } from "pullgate";
import { useId, useRef } from "react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import type { ListActions } from "../../form/usePolicyForm";
import type { RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import { ALL_ROWS, type ListCriteria, type ListView } from "./useListView";

interface ToolbarProps {
  view: ListView;
  /** The number of rows of the list. */
  total: number;
  isSelecting: boolean;
  onSelecting: (on: boolean) => void;
  onPaste: () => void;
  /** The rows shown that have a fix. */
  fixes: ReadonlyMap<number, Finding>;
  actions: ListActions;
}

/** The number of rows from which there is something to search. */
const MIN_SEARCHED_ROWS = 6;

export function ListToolbar({ view, total, isSelecting, onSelecting, onPaste, fixes, actions }: ToolbarProps) {
  const { criteria, setCriteria, isFiltered, shown } = view;
  const t = messages.list;
  const change = (part: Partial<ListCriteria>) => setCriteria({ ...criteria, ...part });
  const pasteButton = useRef<HTMLButtonElement>(null);
  const correctAll = () => {
    actions.fixAll(fixes);
    // This button disappears.
    pasteButton.current?.focus();
  };
  const isSearched = total >= MIN_SEARCHED_ROWS || isFiltered || isSelecting;
  return (
    <div className="list-tools" role="group" aria-label={t.tools}>
      {isSearched && (
        <>
          <TextField className="text-field search" value={criteria.search} onChange={(search) => change({ search })}>
            <Label>{t.search}</Label>
            <Input type="search" placeholder={t.searchHint} autoComplete="off" autoCapitalize="off" spellCheck={false} />
          </TextField>
          <Choice label={t.filter} options={t.filters} value={criteria.filter} onChange={(filter) => change({ filter })} />
          <Choice label={t.order} options={t.orders} value={criteria.order} onChange={(order) => change({ order })} />
        </>
      )}
      <div className="list-buttons">
        <Button ref={pasteButton} className="button" onPress={onPaste}>
          {t.paste}
        </Button>
        {isSearched && (
          <Button className="button" aria-pressed={isSelecting} onPress={() => onSelecting(!isSelecting)}>
            {t.select}
          </Button>
        )}
        {fixes.size > 1 && (
          <Button className="button" onPress={correctAll}>
            {t.correctAll(fixes.size)}
          </Button>
        )}
      </div>
      {isSearched && (
        <p className="muted list-count">
          <span role="status">{t.shown(shown.length, total)}</span>{" "}
          {isFiltered && (
            <Button className="button small" onPress={() => setCriteria(ALL_ROWS)}>
              {t.showAll}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  options: Record<T, string>;
  value: T;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, options, value, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="text-field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={({ target }) => onChange(target.value as T)}>
        {(Object.keys(options) as T[]).map((option) => (
          <option key={option} value={option}>
            {options[option]}
          </option>
        ))}
      </select>
    </div>
  );
}

interface SelectionProps {
  shown: readonly RegistryValues[];
  selected: ReadonlySet<number>;
  onSelect: (ids: ReadonlySet<number>) => void;
  hasTransport: boolean;
  actions: ListActions;
}

/** Actions on the selected rows. */
export function SelectionBar({ shown, selected, onSelect, hasTransport, actions }: SelectionProps) {
  const t = messages.list;
  const ids = shown.filter(({ id }) => selected.has(id)).map(({ id }) => id);
  const isNone = ids.length === 0;
  const button = (label: string, act: () => void) => (
    <Button className="button small" isDisabled={isNone} onPress={act}>
      {label}
    </Button>
  );
  return (
    <div className="selection">
      <label>
        <input
          type="checkbox"
          checked={!isNone && ids.length === shown.length}
          ref={(box) => {
            if (box) box.indeterminate = !isNone && ids.length < shown.length;
          }}
          onChange={({ target }) => onSelect(new Set(target.checked ? shown.map(({ id }) => id) : []))}
        />
        {t.selectAll}
      </label>
      <span className="muted" role="status">
        {t.selected(ids.length)}
      </span>
      {button(t.remove, () => {
        actions.remove(ids);
        onSelect(new Set());
      })}
      {button(t.enable, () => actions.setEnabled(ids, true))}
      {button(t.disable, () => actions.setEnabled(ids, false))}
      {hasTransport && button(t.makeSecure, () => actions.setInsecure(ids, false))}
      {hasTransport && button(t.makeInsecure, () => actions.setInsecure(ids, true))}
    </div>
  );
}
