// TOML, as the command line reads it.

import type { PolicyDocument } from "pullgate";
import { parse, stringify } from "smol-toml";
import { messages } from "../messages";
import type { FormattedDocument } from "./format";

export function writeToml(document: PolicyDocument): FormattedDocument {
  // Of all members, only this one may have something that TOML has no words for: `null`.
  const { image_fetch_proxy: proxy, ...rest } = document;
  const fits = !hasNull(proxy);
  return {
    text: `${withMultilinePem(stringify(fits ? document : rest)).trimEnd()}\n`,
    fileName: "policy.toml",
    notes: fits ? [] : [messages.output.notes.member("image_fetch_proxy")],
  };
}

function hasNull(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.values(value).some(hasNull));
}

// Certificates line by line, as people know them. In base64 and its armour there is nothing that would need an escape.
function withMultilinePem(toml: string): string {
  return toml.replace(/^pem = "((?:[A-Za-z0-9+/= -]|\\n)+)"$/gm, (_, pem: string) => {
    return `pem = """\n${pem.replaceAll("\\n", "\n")}"""`;
  });
}

/** Reads TOML. Throws what smol-toml throws, with a line. */
export function readToml(text: string): { document: PolicyDocument; comments: number } {
  return { document: parse(text) as PolicyDocument, comments: countComments(text) };
}

/** How many `#` comments there are: the reader drops them. A `#` in a string is none. */
export function countComments(text: string): number {
  const tokens = /"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*/g;
  return [...text.matchAll(tokens)].filter(([token]) => token.startsWith("#")).length;
}
