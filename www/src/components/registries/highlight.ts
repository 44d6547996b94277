// Highlighting of the row that a decision refers to.

import type { Explanation, MatchedEntry } from "pullgate";
import { type DocumentPlaces, listPointer } from "../../form/document";

export interface RowHighlight {
  row: number;
  kind: "decides" | "nearest";
}

/** Returns the row to highlight for a decision, if there is one. */
export function highlightFor(explanation: Explanation | undefined, places: DocumentPlaces): RowHighlight | undefined {
  const row = explanation && rowOf(explanation, places);
  return row === undefined ? undefined : { row, kind: decidingEntry(explanation!) ? "decides" : "nearest" };
}

/** Returns the row of the deciding or nearest entry. */
export function rowOf(explanation: Explanation, places: DocumentPlaces): number | undefined {
  const nearest = explanation.decision === "deny" ? explanation.nearest : undefined;
  const entry: MatchedEntry | undefined = decidingEntry(explanation) ?? nearest;
  return entry && places.rows.get(listPointer(entry))?.[entry.index]?.id;
}

/** Returns the entry that decided: an allowing one, or a blocked one (rule W6). */
export function decidingEntry(explanation: Explanation): MatchedEntry | undefined {
  return explanation.decision === "lookup" ? undefined : explanation.by;
}
