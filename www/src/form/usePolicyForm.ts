// The state of the form, everything derived from it, and its actions.

import { applyFix, type Finding, type PolicyDocument } from "pullgate";
import {
  createContext,
  startTransition,
  use,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { announce } from "../announce";
import { messages } from "../messages";
import { analyse, analysisOf, formDocument, type PolicyAnalysis } from "./analysis";
import { checkInBackground } from "./backgroundCheck";
import { isVisible, textOf, valuesOf } from "./document";
import {
  addRows,
  changeRow,
  changeRows,
  commentedRow,
  enabledRow,
  type ListAddress,
  listOf,
  newRow,
  removeRows,
  replaceRow,
  type Scope,
  scopeOf,
  withList,
  withMode,
  withText,
} from "./edits";
import { type Change, History } from "./history";
import { blankValues, type FormValues, isBlank, type RegistryValues, type ScopeValues } from "./values";

/** The actions on the form as a whole. */
export interface FormActions {
  /** Changes the values. */
  edit(change: (values: FormValues) => FormValues, about: Change): void;
  setMode(scope: Scope, on: boolean): void;
  open(document: PolicyDocument): void;
  /** Begins with other values, which is no change. */
  start(values: FormValues): void;
  undo(): void;
  redo(): void;
  /** Shows other lists. */
  setScope(scope: Scope): void;
  /** Moves the focus to a row once it is rendered, in the lists that it is in. */
  focus(row: number): void;
}

/** The actions on one list. Each moves the focus to where typing continues. */
export interface ListActions {
  setText(id: number, part: "entry" | "port", text: string): void;
  setInsecure(ids: readonly number[], insecure: boolean): void;
  setEnabled(ids: readonly number[], enabled: boolean): void;
  setComment(id: number, comment: string): void;
  add(after?: number): void;
  addEntries(rows: readonly Partial<RegistryValues>[], after?: number): void;
  remove(ids: readonly number[]): void;
  fix(id: number, finding: Finding): void;
  /** Applies the first fix of each row. */
  fixAll(fixes: ReadonlyMap<number, Finding>): void;
  focus(id: number): void;
}

export interface PolicyForm {
  values: FormValues;
  /** The lists shown. */
  scope: Scope;
  analysis: PolicyAnalysis;
  /** Whether the values have changed since the analysis, which follows them a moment later. */
  isStale: boolean;
  undoable: Change | undefined;
  redoable: Change | undefined;
  actions: FormActions;
  /** Returns the values as of the last action, which may not be rendered yet. */
  getValues: () => FormValues;
  /** The row to focus once it is rendered. Each request is a new object, so that the same row can be focused again. */
  focused: { row: number } | undefined;
}

export const PolicyFormContext = createContext<PolicyForm | undefined>(undefined);

export function usePolicy(): PolicyForm {
  const policy = use(PolicyFormContext);
  if (policy === undefined) throw new Error("there is no form around this");
  return policy;
}

export function usePolicyForm(initial: () => FormValues = blankValues): PolicyForm {
  const [history] = useState(() => new History(initial()));
  const { value: values, undoable, redoable } = useSyncExternalStore(history.subscribe, history.getState);
  const analysis = useAnalysis(values);
  const [focused, setFocused] = useState<PolicyForm["focused"]>();
  const [chosen, setScope] = useState<Scope>();
  const scope = values.projects.some(({ id }) => id === chosen) ? chosen : undefined;
  const getValues = useCallback(() => history.value, [history]);

  const actions = useMemo((): FormActions => {
    const focus = (row: number) => {
      const place = scopeOfRow(history.value, row);
      if (place !== null) setScope(place);
      setFocused({ row });
    };
    const move = (step: "undo" | "redo") => {
      const before = history.value;
      const change = history[step]();
      if (change === undefined) return;
      const row = firstChangedRow(before, history.value);
      if (row !== undefined) focus(row);
      announce(messages.history[step === "undo" ? "undone" : "redone"](change.label));
    };
    return {
      focus,
      setScope,
      edit(change, about) {
        history.set(change(history.value), about);
      },
      setMode(scope, on) {
        const label = on ? messages.registries.turnedOn : messages.registries.turnedOff;
        history.set(withMode(history.value, scope, on), { label });
        announce(label);
      },
      open(document) {
        history.set(valuesOf(document), { label: messages.open.opened, isDestructive: true });
      },
      start: (values) => history.reset(values),
      undo: () => move("undo"),
      redo: () => move("redo"),
    };
  }, [history]);

  return useMemo(
    () => ({
      values,
      scope,
      analysis,
      isStale: analysis.values !== values,
      undoable,
      redoable,
      actions,
      getValues,
      focused,
    }),
    [values, scope, analysis, undoable, redoable, actions, getValues, focused],
  );
}

/** The number of rows from which a check takes so long that it waits for a pause in typing, and runs in the background. */
const LARGE_POLICY_ROWS = 1000;
/** Pause in typing before a large policy is checked, in milliseconds. */
const CHECK_DELAY_MS = 300;

/** Returns the analysis of the values: a moment later, and of a large policy once it is checked. */
function useAnalysis(values: FormValues): PolicyAnalysis {
  const deferred = useDeferredValue(values);
  const isLarge = values.rows.length + values.projects.reduce((sum, { rows }) => sum + rows.length, 0) > LARGE_POLICY_ROWS;
  const small = useMemo(() => (isLarge ? undefined : analyse(deferred)), [isLarge, deferred]);
  const [large, setLarge] = useState<PolicyAnalysis>();
  /** The analysis shown until a large policy is checked for the first time. */
  const last = useRef(small);
  useEffect(() => {
    if (small !== undefined) last.current = small;
  }, [small]);
  const awaits = useRef(isLarge);
  useEffect(() => {
    awaits.current = isLarge;
    if (!isLarge) return setLarge(undefined);
    const timer = setTimeout(async () => {
      const formed = formDocument(values);
      const report = await checkInBackground(formed.text);
      if (awaits.current) startTransition(() => setLarge(analysisOf(formed, report)));
    }, CHECK_DELAY_MS);
    return () => clearTimeout(timer);
  }, [values, isLarge]);
  return small ?? large ?? (last.current ??= analyse(values));
}

/** Returns the scope of a row; `null` if it is in none, as a built-in registry. */
function scopeOfRow(values: FormValues, row: number): Scope | null {
  const has = ({ rows, blocked, authorities }: ScopeValues) =>
    [rows, blocked, ...authorities.map(({ registries }) => registries)].some((list) => list.some(({ id }) => id === row));
  if (has(values)) return undefined;
  return values.projects.find(has)?.id ?? null;
}

/** Returns the first row of the second version that the first has otherwise, or lacks. */
function firstChangedRow(before: FormValues, after: FormValues): number | undefined {
  const listsOf = (values: FormValues) => [
    values.builtIn,
    ...[values, ...values.projects].flatMap(({ rows, blocked }) => [rows, blocked]),
  ];
  const known = new Set(listsOf(before).flat());
  const changed = listsOf(after).flat().find((row) => !known.has(row));
  if (changed !== undefined || before.rows === after.rows) return changed?.id;
  // Rows are gone: the one before them, if any is left.
  const gone = before.rows.findIndex((row, index) => row !== after.rows[index]);
  return after.rows[Math.max(0, gone - 1)]?.id;
}

/** Returns the action that adds secure entries to the whitelist that is shown. */
export function useAllowEntries(): (entries: readonly string[]) => void {
  const { scope, actions, getValues } = usePolicy();
  return (entries) => {
    const address: ListAddress = { scope, list: "rows" };
    const values = getValues();
    const rows = entries.map((entry) => ({ ...newRow(values, address), entry, insecure: false }));
    const label = messages.registries.addedMany(rows.length);
    actions.edit((values) => addRows(values, address, rows), { label, isDestructive: true });
    announce(label);
  };
}

/** Returns the rows in place of one whose fix is applied: several for a range of addresses. */
function fixedRows(values: FormValues, address: ListAddress, row: RegistryValues, finding: Finding): RegistryValues[] {
  const [first = "", ...others] = applyFix(textOf(row), finding);
  // The parts of one entry are reached as it was.
  const more = others.map((text) => ({
    ...withText(values, address, newRow(values, address), text),
    insecure: row.insecure,
  }));
  return [withText(values, address, row, first), ...more];
}

/** Returns the actions on one list. The same address gives the same actions. */
export function useListActions({ actions, getValues }: PolicyForm, address: ListAddress): ListActions {
  return useMemo((): ListActions => {
    const t = messages.registries;
    const { scope, list } = address;
    const rows = () => listOf(getValues(), address);
    const { focus } = actions;
    const change = (label: string, edit: (values: FormValues) => FormValues, about: Partial<Change> = {}) => {
      actions.edit(edit, { label, ...about });
      if (about.merge === undefined) announce(label);
    };
    return {
      focus,
      setText(id, part, text) {
        change(
          t.typed,
          (values) => changeRow(values, address, id, (row) => ({ ...row, [part]: text })),
          { merge: `${id} ${part}` },
        );
      },
      setInsecure(ids, insecure) {
        const label = insecure ? t.madeInsecure(ids.length) : t.madeSecure(ids.length);
        change(label, (values) => changeRows(values, address, new Set(ids), (row) => ({ ...row, insecure })));
      },
      setEnabled(ids, enabled) {
        const label = enabled ? t.enabled(ids.length) : t.disabledMany(ids.length);
        change(label, (values) => changeRows(values, address, new Set(ids), (row) => enabledRow(row, enabled)));
      },
      setComment(id, comment) {
        change(
          t.commented,
          (values) => changeRow(values, address, id, (row) => commentedRow(row, comment)),
          { merge: `${id} comment` },
        );
      },
      add(after) {
        const row = newRow(getValues(), address);
        change(t.added, (values) => addRows(values, address, [row], after));
        focus(row.id);
      },
      addEntries(entries, after) {
        const values = getValues();
        const added = entries.map(({ entry = "", ...more }) => ({
          ...withText(values, address, newRow(values, address), entry),
          ...more,
        }));
        const at = rows().find(({ id }) => id === after);
        // What is added at a blank row takes its place.
        const replaces = at !== undefined && isBlank(at);
        change(t.addedMany(added.length), (values) =>
          replaces ? replaceRow(values, address, at.id, () => added) : addRows(values, address, added, after),
        );
        const last = added.at(-1);
        if (last) focus(last.id);
      },
      remove(ids) {
        const { whitelistMode } = scopeOf(getValues(), scope);
        const shown = rows().filter((row) => list !== "rows" || isVisible(row, whitelistMode));
        const gone = new Set(ids);
        const at = shown.findIndex(({ id }) => gone.has(id));
        const next = shown.slice(at).find(({ id }) => !gone.has(id)) ?? shown.slice(0, Math.max(0, at)).at(-1);
        const isCleared = shown.length === 1 && list === "rows";
        const label = isCleared ? t.cleared : t.removed(ids.length);
        change(label, (values) => removeRows(values, address, gone), { isDestructive: true });
        const focusable = next ?? rows().find((row) => list !== "rows" || isVisible(row, whitelistMode));
        if (focusable) focus(focusable.id);
      },
      fix(id, finding) {
        change(
          messages.findings.fixed,
          (values) => replaceRow(values, address, id, (row) => fixedRows(values, address, row, finding)),
          { isDestructive: true },
        );
        focus(id);
      },
      fixAll(fixes) {
        change(
          t.corrected(fixes.size),
          (values) =>
            withList(values, address, (rows) =>
              rows.flatMap((row) => {
                const finding = fixes.get(row.id);
                return finding === undefined ? [row] : fixedRows(values, address, row, finding);
              }),
            ),
          { isDestructive: true },
        );
      },
    };
  }, [actions, getValues, address]);
}
