// Which row of the form a decision comes from.

import type { Explanation, Matched } from "pullgate";
import type { Places } from "../../form/document";
import type { Lit } from "./RegistriesSection";

export function litBy(explanation: Explanation | undefined, places: Places): Lit | undefined {
  const row = explanation && rowOf(explanation, places);
  return row === undefined ? undefined : { row, how: explanation?.decision === "allow" ? "decides" : "nearest" };
}

/** The row of the entry that decided, or came nearest. Entries of projects and built-in ones have none. */
export function rowOf(explanation: Explanation, places: Places): number | undefined {
  const entry: Matched | undefined =
    explanation.decision === "allow" ? explanation.by : explanation.decision === "deny" ? explanation.nearest : undefined;
  if (entry === undefined || entry.project !== undefined || entry.list === "built-in") return undefined;
  return places[entry.list][entry.index];
}
