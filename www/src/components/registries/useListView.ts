// The rows of a list that are shown: found, filtered and sorted. Rows stay where they are while they are typed in.

import { useDeferredValue, useMemo, useRef, useState } from "react";
import type { PolicyAnalysis } from "../../form/analysis";
import { textOf } from "../../form/document";
import { isBlank, type RegistryValues } from "../../form/values";
import type { messages } from "../../messages";
import { LOCALE } from "../../quantities";
import { severityOf } from "../ui/FindingList";

export interface ListCriteria {
  search: string;
  filter: keyof typeof messages.list.filters;
  order: keyof typeof messages.list.orders;
}

export interface ListView {
  criteria: ListCriteria;
  setCriteria: (criteria: ListCriteria) => void;
  /** True if a search or filter is set. */
  isFiltered: boolean;
  shown: readonly RegistryValues[];
}

export const ALL_ROWS: ListCriteria = { search: "", filter: "all", order: "written" };

const byName = new Intl.Collator(LOCALE, { numeric: true });

export function useListView(rows: readonly RegistryValues[], analysis: PolicyAnalysis): ListView {
  const [criteria, setCriteria] = useState(ALL_ROWS);
  const applied = useDeferredValue(criteria);
  const isFiltered = applied.search.trim() !== "" || applied.filter !== "all";
  /** The rows that were shown since the criteria were chosen, with their ranks at that time. */
  const sticky = useRef<{ criteria: ListCriteria; ids: Set<number>; ranks: Map<number, number> }>(undefined);

  const shown = useMemo(() => {
    if (sticky.current?.criteria !== applied) {
      const ordered = sortedRows(rows, analysis, applied.order);
      const ranks = new Map(ordered === rows ? [] : ordered.map(({ id }, index) => [id, index]));
      sticky.current = { criteria: applied, ids: new Set(), ranks };
    }
    const { ids, ranks } = sticky.current;
    const found = isFiltered ? rows.filter((row) => ids.has(row.id) || isBlank(row) || matches(row, analysis, applied)) : rows;
    if (isFiltered) for (const { id } of found) ids.add(id);
    if (ranks.size === 0) return found;
    // A row added since then follows the one before it.
    let last = -1;
    for (const { id } of rows) {
      if (!ranks.has(id)) ranks.set(id, last + 0.5);
      last = ranks.get(id)!;
    }
    return [...found].sort((a, b) => ranks.get(a.id)! - ranks.get(b.id)!);
  }, [rows, analysis, applied, isFiltered]);

  return { criteria, setCriteria, isFiltered, shown };
}

function matches(row: RegistryValues, analysis: PolicyAnalysis, { search, filter }: ListCriteria): boolean {
  const wanted = search.trim().toLowerCase();
  if (wanted !== "" && !`${textOf(row)} ${row.comment ?? ""}`.toLowerCase().includes(wanted)) return false;
  switch (filter) {
    case "all":
      return true;
    case "errors":
      return hasSeverity(row, analysis, "error");
    case "warnings":
      return hasSeverity(row, analysis, "warning");
    case "insecure":
      return row.insecure;
    case "disabled":
      return row.enabled === false;
  }
}

function hasSeverity({ id }: RegistryValues, { rows }: PolicyAnalysis, severity: "error" | "warning"): boolean {
  return rows.get(id)?.findings.some((finding) => severityOf(finding) === severity) ?? false;
}

function sortedRows(
  rows: readonly RegistryValues[],
  analysis: PolicyAnalysis,
  order: ListCriteria["order"],
): readonly RegistryValues[] {
  if (order === "written") return rows;
  if (order === "name") return [...rows].sort((a, b) => byName.compare(textOf(a), textOf(b)));
  const rank = (row: RegistryValues) =>
    hasSeverity(row, analysis, "error") ? 0 : hasSeverity(row, analysis, "warning") ? 1 : 2;
  return [...rows].sort((a, b) => rank(a) - rank(b));
}
