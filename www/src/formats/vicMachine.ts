// Options of `vic-machine create`: output and input.

import type { PolicyDocument } from "pullgate";
import { quote, split } from "shlex";
import { messages } from "../messages";
import { certificateBundle, type FormattedDocument, listsForVic } from "./format";
import { vicNotes } from "./vicNotes";

/** The name of the certificate file in the options. */
export const AUTHORITIES_FILE = "registry-ca.pem";

export function writeOptions(document: PolicyDocument): FormattedDocument {
  const { whitelist, insecure } = listsForVic(document);
  const options = [
    ...whitelist.map((entry) => `--whitelist-registry ${quote(entry)}`),
    ...insecure.map((entry) => `--insecure-registry ${quote(entry)}`),
    ...(certificateBundle(document) === "" ? [] : [`--registry-ca ${AUTHORITIES_FILE}`]),
  ];
  const proxy = document.image_fetch_proxy === undefined ? [] : [messages.output.notes.member("image_fetch_proxy")];
  return {
    text: `${options.join(" \\\n")}\n`,
    fileName: "vic-machine-options.txt",
    notes: [...vicNotes(document), ...proxy],
  };
}

// Long and short names, as in `vic-machine`.
const OPTION_KINDS: Record<string, "whitelist" | "insecure" | "file"> = {
  "whitelist-registry": "whitelist",
  wr: "whitelist",
  "insecure-registry": "insecure",
  dir: "insecure",
  "registry-ca": "file",
  rc: "file",
};

export interface ParsedOptions {
  document: PolicyDocument;
  /** The names of certificate files, which the page cannot read. */
  files: string[];
  /** The other words of the command line. */
  others: string[];
}

// A TOML key may have the same name, followed by an equals sign.
const OPTIONS_START = /^\s*(?:\$\s+)?(?:[^\s=#"'[\]{}]*vic-machine[^\s=#"'[\]{}]*(?=\s)|--?[a-z][a-z-]*(?=[\s=]|$))(?!\s+=)/;

/** Returns whether a text starts as a command line or as options. Further on, a match may be a TOML comment or string. */
export function startsWithOptions(text: string): boolean {
  return OPTIONS_START.test(text);
}

/** Returns the names of options, for display. Never a value, which may be a password. */
export function optionNames(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    // A password may start with a hyphen.
    if (/^--?([a-z-]*password|p|op)$/.test(words[index - 1] ?? "")) return [];
    return /^(--?[a-z][a-z-]*)(?:=|$)/.exec(word)?.[1] ?? [];
  });
}

/** Reads the options of registries from a command line. Throws at an unclosed quotation mark. */
export function readOptions(text: string): ParsedOptions {
  const words = split(text.replaceAll("\r\n", "\n"));
  const found: ParsedOptions = { document: {}, files: [], others: [] };
  while (words.length > 0) {
    const word = words.shift()!;
    const [, name, equals] = /^--?([a-z-]+)(?:=([^]*))?$/.exec(word) ?? [];
    const kind = name === undefined ? undefined : OPTION_KINDS[name];
    const value = kind && (equals ?? words.shift());
    if (kind === undefined || value === undefined) found.others.push(word);
    else if (kind === "file") found.files.push(value);
    else ((found.document[kind] ??= []) as string[]).push(value);
  }
  return found;
}
