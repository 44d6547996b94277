// Shared parts of the output formats.

import type { PolicyDocument, PolicyEntry } from "pullgate";
import type { messages } from "../messages";

export type OutputFormat = keyof typeof messages.output.tabs;

/** A document in an output format. */
export interface FormattedDocument {
  text: string;
  fileName: string;
  /** Human-readable notes on what the format cannot express. */
  notes: string[];
}

/** Returns the enabled entries of a list. */
export function enabledEntries(list: readonly PolicyEntry[] | undefined): string[] {
  return (list ?? []).flatMap((element) =>
    typeof element === "string" ? [element] : element.enabled === false ? [] : [element.entry],
  );
}

/** Counts what a list of plain entries loses. */
export function plainListLosses({ whitelist, insecure }: PolicyDocument): { disabled: number; comments: number } {
  const elements = [...(whitelist ?? []), ...(insecure ?? [])].filter((element) => typeof element !== "string");
  return {
    disabled: elements.filter((element) => element.enabled === false).length,
    comments: elements.filter((element) => element.comment !== undefined).length,
  };
}

/** Returns all certificates of a document as one PEM text. */
export function certificateBundle({ certificate_authorities: authorities }: PolicyDocument): string {
  return (authorities ?? []).map(({ pem }) => (pem.endsWith("\n") ? pem : `${pem}\n`)).join("");
}

/**
 * Returns the lists for vSphere Integrated Containers. Its whitelist mode needs an entry in the whitelist, so a policy with
 * only insecure entries repeats them there: that allows the same, in the same way.
 */
export function listsForVic(document: PolicyDocument): { whitelist: string[]; insecure: string[] } {
  const insecure = enabledEntries(document.insecure);
  const whitelist = enabledEntries(document.whitelist);
  return { whitelist: document.whitelist && whitelist.length === 0 ? insecure : whitelist, insecure };
}
