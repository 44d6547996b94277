// Reading of a policy in any supported format: JSON in either shape, TOML, or options of `vic-machine`. The module says
// what the files of other programs are.

import { checkPolicy, type Finding, type PolicyDocument } from "pullgate";
import { TomlError } from "smol-toml";
import { containsPrivateKey, withoutPrivateKeys } from "../certificates/pem";
import { messages } from "../messages";
import type { ImportFinding, ImportSource } from "../settings/settings";
import { collectStrings, findDuplicateMember } from "./jsonScan";
import { readToml } from "./toml";
import { optionNames, readOptions, startsWithOptions } from "./vicMachine";

/** A document with notes on omitted parts, or the problems that prevented reading it. */
export type OpenResult = OpenedPolicy | UnopenedText;

export interface OpenedPolicy {
  ok: true;
  document: PolicyDocument;
  notes: string[];
  /** The settings of another program that it was imported from. */
  imported?: ImportedSettings;
}

/** The result of an import besides the policy. */
export interface ImportedSettings {
  source: ImportSource;
  files: string[];
  findings: ImportFinding[];
  /** The policy in TOML, with the origin of each line as a comment. */
  toml: string;
}

export interface UnopenedText {
  ok: false;
  problems: string[];
  /** True if it may be the settings of another program. */
  isForeign?: boolean;
  /** The way to read it all the same. */
  hint?: string;
}

// Findings with which the form could not hold the document without loss. The form shows all others.
const FATAL_CODES = new Set<Finding["code"]>([
  "json-syntax",
  "member-unknown",
  "member-duplicate",
  "member-missing",
  "type-wrong",
  "document-foreign",
  "document-too-large",
  "entries-too-many",
  // A blank row is not part of the document.
  "entry-empty",
  "internal",
]);

export function openPolicy(input: string): OpenResult {
  const text = input.replace(/^\uFEFF/, "");
  if (text.trim() === "") return { ok: false, problems: [messages.open.empty] };
  if (text.trimStart().startsWith("{") || isJsonArray(text)) return openJson(text);
  if (startsWithOptions(text)) return openOptions(text);
  if (/-----BEGIN /.test(text) && !/^\s*[\w"'.-]+\s*=/m.test(text)) return { ok: false, problems: [messages.open.pem] };
  return openToml(text);
}

/** Returns whether a text is an array. A table of TOML begins with a bracket, too. */
function isJsonArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

function openJson(text: string): OpenResult {
  const wrapped = registryOf(text);
  if (wrapped === undefined) return acceptPolicy(text, []);
  // Of duplicate members `JSON.parse` keeps the last, and would hide the others from the module.
  const twice = findDuplicateMember(text);
  return twice === undefined ? acceptPolicy(wrapped, [messages.open.wrapped]) : refuse(text, [messages.open.twice(twice)]);
}

/** Returns the `registry` member of the description of a virtual container host, as JSON. */
function registryOf(text: string): string | undefined {
  try {
    const { registry, ...others } = JSON.parse(text) as { registry?: unknown; whitelist?: unknown; insecure?: unknown };
    if (typeof registry !== "object" || registry === null) return undefined;
    return others.whitelist === undefined && others.insecure === undefined ? JSON.stringify(registry) : undefined;
  } catch {
    return undefined;
  }
}

function openOptions(text: string): OpenResult {
  try {
    const { document, files, others } = readOptions(text);
    if (files.length === 0 && Object.keys(document).length === 0) return refuse(text, [messages.open.neither]);
    const left = optionNames(others);
    const notes = [
      ...(files.length > 0 ? [messages.open.files(files)] : []),
      ...(left.length > 0 ? [messages.open.others(left)] : []),
    ];
    return containsPrivateKey(text) ? refuse(text, []) : acceptPolicy(JSON.stringify(document), notes);
  } catch {
    return { ok: false, problems: [messages.open.quotes] };
  }
}

function openToml(text: string): OpenResult {
  const foreign = checkPolicy(text).findings.find(({ code }) => code === "document-foreign");
  if (foreign !== undefined) return refuse(text, [foreign.message], true);
  try {
    const { document, comments } = readToml(text);
    return acceptPolicy(JSON.stringify(document), comments > 0 ? [messages.open.comments(comments)] : []);
  } catch (error) {
    return refuse(text, [messages.open.neither, ...(error instanceof TomlError ? [describeTomlError(error)] : [])], true);
  }
}

// The first line of the message only: the others quote the text, which may contain a private key.
function describeTomlError({ message, line }: TomlError): string {
  return messages.open.line(line, message.split("\n", 1)[0] ?? "");
}

/** Returns a document given as JSON, unless the form could not hold it without loss. */
export function acceptPolicy(json: string, notes: string[]): OpenResult {
  const unreadable = checkPolicy(json).findings.filter(({ code }) => FATAL_CODES.has(code));
  if (unreadable.length > 0) {
    const isForeign = unreadable.some(({ code, path }) => code === "document-foreign" || (code === "type-wrong" && !path));
    return refuse(json, unreadable.map(({ path, message }) => (path ? `${path}: ${message}` : message)), isForeign || hasOtherMembers(json, unreadable));
  }
  const { document, removed } = withoutPrivateKeys(JSON.parse(json) as PolicyDocument);
  if (collectStrings(document).some(containsPrivateKey)) return refuse(json, [messages.open.keyInside]);
  return { ok: true, document, notes: removed > 0 ? [...notes, messages.open.keys(removed)] : notes };
}

/** Returns whether a document has several members, and none of a policy's. */
function hasOtherMembers(json: string, findings: readonly Finding[]): boolean {
  const unknown = findings.filter(({ code, path = "" }) => code === "member-unknown" && path.lastIndexOf("/") === 0);
  const isJson = findings.every(({ code }) => code !== "json-syntax");
  return isJson && unknown.length > 1 && unknown.length === Object.keys(JSON.parse(json) as object).length;
}

// Problems may quote the text: if it contains a private key, they are replaced.
function refuse(text: string, problems: string[], isForeign = false): UnopenedText {
  return containsPrivateKey(text) ? { ok: false, problems: [messages.open.keyInside] } : { ok: false, problems, isForeign };
}
