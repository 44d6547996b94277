// What the formats have in common.

import type { PolicyDocument, PolicyEntry } from "pullgate";
import type { messages } from "../messages";

export type OutputFormat = keyof typeof messages.output.tabs;

/** A document written in some format. */
export interface FormattedDocument {
  text: string;
  fileName: string;
  /** What the format cannot say, in words. */
  notes: string[];
}

/** The entries of a list that count. */
export function enabledEntries(list: readonly PolicyEntry[] | undefined): string[] {
  return (list ?? []).flatMap((element) =>
    typeof element === "string" ? [element] : element.enabled === false ? [] : [element.entry],
  );
}

/** What is lost where a list has plain entries only. */
export function plainListLosses({ whitelist, insecure }: PolicyDocument): { disabled: number; comments: number } {
  const elements = [...(whitelist ?? []), ...(insecure ?? [])].filter((element) => typeof element !== "string");
  return {
    disabled: elements.filter((element) => element.enabled === false).length,
    comments: elements.filter((element) => element.comment !== undefined).length,
  };
}

/** All certificates of a document in one text. */
export function certificateBundle({ certificate_authorities: authorities }: PolicyDocument): string {
  return (authorities ?? []).map(({ pem }) => (pem.endsWith("\n") ? pem : `${pem}\n`)).join("");
}

/**
 * The lists as vSphere Integrated Containers takes them. It has whitelist mode only where the whitelist has an entry, so one
 * with only insecure entries names them there too: that allows the same, in the same way.
 */
export function listsForVic(document: PolicyDocument): { whitelist: string[]; insecure: string[] } {
  const insecure = enabledEntries(document.insecure);
  const whitelist = enabledEntries(document.whitelist);
  return { whitelist: document.whitelist && whitelist.length === 0 ? insecure : whitelist, insecure };
}
