// Which row of the form a decision comes from.

import type { Explanation, Matched } from "pullgate";
import type { RowIndexes } from "../../form/document";

export interface RowHighlight {
  row: number;
  kind: "decides" | "nearest";
}

export function highlightFor(explanation: Explanation | undefined, rowIndexes: RowIndexes): RowHighlight | undefined {
  const row = explanation && rowOf(explanation, rowIndexes);
  return row === undefined ? undefined : { row, kind: explanation?.decision === "allow" ? "decides" : "nearest" };
}

/** The row of the entry that decided, or came nearest. Entries of projects and built-in ones have none. */
export function rowOf(explanation: Explanation, rowIndexes: RowIndexes): number | undefined {
  const entry: Matched | undefined =
    explanation.decision === "allow" ? explanation.by : explanation.decision === "deny" ? explanation.nearest : undefined;
  if (entry === undefined || entry.project !== undefined || entry.list === "built-in") return undefined;
  return rowIndexes[entry.list][entry.index];
}
