// Reads a policy from whatever somebody has: JSON in either shape, TOML, or options of `vic-machine`.

import { checkPolicy, type Finding, type PolicyDocument } from "pullgate";
import { TomlError } from "smol-toml";
import { holdsKey, withoutKeys } from "../certificates/pem";
import { texts } from "../messages";
import { duplicateIn, textsIn } from "./jsonScan";
import { readToml } from "./toml";
import { beginsAsOptions, namesOf, readOptions } from "./vicMachine";

/** A document and what was left out of it; or why there is none. */
export type Opened = { ok: true; document: PolicyDocument; notes: string[] } | { ok: false; problems: string[] };

// With these the form could not hold the document, or would lose something of it. Any other error is for the form to show.
const UNREADABLE = new Set<Finding["code"]>([
  "json-syntax",
  "member-unknown",
  "member-duplicate",
  "member-missing",
  "type-wrong",
  "document-too-large",
  "entries-too-many",
  // A row with nothing in it is no part of the document.
  "entry-empty",
  "internal",
]);

export function open(given: string): Opened {
  const text = given.replace(/^\uFEFF/, "");
  if (text.trim() === "") return { ok: false, problems: [texts.open.empty] };
  if (text.trimStart().startsWith("{")) return openJson(text);
  if (beginsAsOptions(text)) return openOptions(text);
  if (/-----BEGIN /.test(text) && !/^\s*[\w"'.-]+\s*=/m.test(text)) return { ok: false, problems: [texts.open.pem] };
  return openToml(text);
}

function openJson(text: string): Opened {
  const wrapped = registryOf(text);
  if (wrapped === undefined) return accept(text, []);
  // Of two members of a name, JavaScript's reader keeps the last, and the module would see no other.
  const twice = duplicateIn(text);
  return twice === undefined ? accept(wrapped, [texts.open.wrapped]) : refuse(text, [texts.open.twice(twice)]);
}

/** In a description of a whole virtual container host, the policy is its `registry`. */
function registryOf(text: string): string | undefined {
  try {
    const { registry, ...others } = JSON.parse(text) as { registry?: unknown; whitelist?: unknown; insecure?: unknown };
    if (typeof registry !== "object" || registry === null) return undefined;
    return others.whitelist === undefined && others.insecure === undefined ? JSON.stringify(registry) : undefined;
  } catch {
    return undefined;
  }
}

function openOptions(text: string): Opened {
  try {
    const { document, files, others } = readOptions(text);
    if (files.length === 0 && Object.keys(document).length === 0) return refuse(text, [texts.open.neither]);
    const left = namesOf(others);
    const notes = [
      ...(files.length > 0 ? [texts.open.files(files)] : []),
      ...(left.length > 0 ? [texts.open.others(left)] : []),
    ];
    return holdsKey(text) ? refuse(text, []) : accept(JSON.stringify(document), notes);
  } catch {
    return { ok: false, problems: [texts.open.quotes] };
  }
}

function openToml(text: string): Opened {
  try {
    const { document, comments } = readToml(text);
    return accept(JSON.stringify(document), comments > 0 ? [texts.open.comments(comments)] : []);
  } catch (error) {
    return { ok: false, problems: [texts.open.neither, ...(error instanceof TomlError ? [said(error)] : [])] };
  }
}

// The first line of the message; the others show the text, which may have a private key in it.
function said({ message, line }: TomlError): string {
  return texts.open.line(line, message.split("\n", 1)[0] ?? "");
}

function accept(json: string, notes: string[]): Opened {
  const unreadable = checkPolicy(json).findings.filter(({ code }) => UNREADABLE.has(code));
  if (unreadable.length > 0) {
    return refuse(json, unreadable.map(({ path, message }) => (path ? `${path}: ${message}` : message)));
  }
  const { document, keys } = withoutKeys(JSON.parse(json) as PolicyDocument);
  if (textsIn(document).some(holdsKey)) return refuse(json, [texts.open.keyInside]);
  return { ok: true, document, notes: keys > 0 ? [...notes, texts.open.keys(keys)] : notes };
}

// A problem may name what it is about: with a private key in the text, no more is said.
function refuse(text: string, problems: string[]): Opened {
  return { ok: false, problems: holdsKey(text) ? [texts.open.keyInside] : problems };
}
