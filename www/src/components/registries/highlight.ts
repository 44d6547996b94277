// Highlighting of the row that a decision refers to.

import type { Explanation, MatchedEntry } from "pullgate";
import type { RowIndexes } from "../../form/document";

export interface RowHighlight {
  row: number;
  kind: "decides" | "nearest";
}

/** Returns the row to highlight for a decision, if there is one. */
export function highlightFor(explanation: Explanation | undefined, rowIndexes: RowIndexes): RowHighlight | undefined {
  const row = explanation && rowOf(explanation, rowIndexes);
  return row === undefined ? undefined : { row, kind: explanation?.decision === "allow" ? "decides" : "nearest" };
}

/** Returns the row of the deciding or nearest entry. Entries of projects and built-in entries have no row. */
export function rowOf(explanation: Explanation, rowIndexes: RowIndexes): number | undefined {
  const entry: MatchedEntry | undefined =
    explanation.decision === "allow" ? explanation.by : explanation.decision === "deny" ? explanation.nearest : undefined;
  if (entry === undefined || entry.project !== undefined || entry.list === "built-in") return undefined;
  return rowIndexes[entry.list][entry.index];
}
