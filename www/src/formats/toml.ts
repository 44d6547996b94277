// TOML output and input, as read by the command line.

import type { PolicyDocument } from "pullgate";
import { parse, stringify } from "smol-toml";
import { messages } from "../messages";
import type { FormattedDocument } from "./format";

export function writeToml(document: PolicyDocument): FormattedDocument {
  // Only this member may contain `null`, which TOML cannot express.
  const { image_fetch_proxy: proxy, ...rest } = document;
  const fits = !hasNull(proxy);
  return {
    text: `${withMultilineLists(withMultilinePem(stringify(fits ? document : rest))).trimEnd()}\n`,
    fileName: "policy.toml",
    notes: fits ? [] : [messages.output.notes.member("image_fetch_proxy")],
  };
}

function hasNull(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.values(value).some(hasNull));
}

const LIST = /^(\w+ = )\[ (.*) \]$/gm;
const LIST_ELEMENT = /"(?:\\.|[^"\\])*"|\{(?:"(?:\\.|[^"\\])*"|[^"}])*\}/g;

// Writes lists with one element in each line, as they are read, searched and compared.
function withMultilineLists(toml: string): string {
  return toml.replace(LIST, (whole, name: string, elements: string) => {
    const found = elements.match(LIST_ELEMENT) ?? [];
    // Anything else between the elements than commas is no list of entries.
    if (found.length < 2 || found.join(", ") !== elements) return whole;
    return `${name}[\n${found.map((element) => `  ${element},\n`).join("")}]`;
  });
}

// Writes certificates as multi-line strings. PEM contains no character that needs an escape.
function withMultilinePem(toml: string): string {
  return toml.replace(/^pem = "((?:[A-Za-z0-9+/= -]|\\n)+)"$/gm, (_, pem: string) => {
    return `pem = """\n${pem.replaceAll("\\n", "\n")}"""`;
  });
}

/** Reads TOML. Throws a `TomlError`, with a line. */
export function readToml(text: string): { document: PolicyDocument; comments: number } {
  return { document: parse(text) as PolicyDocument, comments: countComments(text) };
}

/** Counts the `#` comments, which the reader drops. A `#` in a string is not counted. */
export function countComments(text: string): number {
  const tokens = /"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*/g;
  return [...text.matchAll(tokens)].filter(([token]) => token.startsWith("#")).length;
}
