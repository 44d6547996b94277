// Options of `vic-machine create`, written and read.

import type { PolicyDocument } from "pullgate";
import { quote, split } from "shlex";
import { messages } from "../messages";
import { certificateBundle, type FormattedDocument, listsForVic } from "./format";
import { vicNotes } from "./vicNotes";

/** The file that the options name for certificates. */
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

// Short names as `vic-machine` has them.
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
  /** Names of files of certificates, which only the reader of the command line has. */
  files: string[];
  /** What is on the line besides. */
  others: string[];
}

// A key of TOML may have either name, too: then an equals sign comes next.
const OPTIONS_START = /^\s*(?:\$\s+)?(?:[^\s=#"'[\]{}]*vic-machine[^\s=#"'[\]{}]*(?=\s)|--?[a-z][a-z-]*(?=[\s=]|$))(?!\s+=)/;

/** Whether a text begins as a command line, or as options. What stands further on may be a comment or a string of TOML. */
export function startsWithOptions(text: string): boolean {
  return OPTIONS_START.test(text);
}

/** The names of options, for a person. Never a value: it may be a password. */
export function optionNames(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    // A password may begin with a hyphen.
    if (/^--?([a-z-]*password|p|op)$/.test(words[index - 1] ?? "")) return [];
    return /^(--?[a-z][a-z-]*)(?:=|$)/.exec(word)?.[1] ?? [];
  });
}

/** Reads options, among others. Throws where quotes are open. */
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
    else (found.document[kind] ??= []).push(value);
  }
  return found;
}
