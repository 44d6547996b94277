// Splitting of pasted text into entries, whatever separates them: lines, commas, blanks, bullets, CSV, JSON, YAML. Purely
// textual: the module validates.

/** An entry of a pasted text, with what the text says of it. */
export interface PastedEntry {
  entry: string;
  insecure?: boolean;
  comment?: string;
}

/** Splits a text into entries. A text of one entry gives one. */
export function splitList(text: string): PastedEntry[] {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return [];
  return fromJson(trimmed) ?? fromTable(trimmed) ?? trimmed.split(/\r\n?|\n/).flatMap(fromLine);
}

/** Returns whether a text has one entry in each of its lines, so that there is no doubt about the entries. */
export function isPlainLines(text: string): boolean {
  const lines = text.split(/\r\n?|\n/).map((line) => line.trim()).filter((line) => line !== "");
  return lines.every((line) => /^[^\s,;|"'`]+$/.test(line) && !/^(?:[{#]|\[(?![\da-f:.%]*:))/i.test(line));
}

/** Names of members and columns that hold a registry. */
const ENTRY_NAMES = ["entry", "registry", "host", "hostname", "server", "location", "url", "address", "name"];
const COMMENT_NAMES = ["comment", "description", "note", "remark"];

function fromJson(text: string): PastedEntry[] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return collect(JSON.parse(text), false);
  } catch {
    return undefined;
  }
}

/** Collects the strings of arrays, and the objects that have a registry. */
function collect(value: unknown, insecure: boolean): PastedEntry[] {
  const marked = insecure ? { insecure } : {};
  if (Array.isArray(value)) {
    return value.flatMap((element) =>
      typeof element === "string" ? [{ entry: element, ...marked }] : collect(element, insecure),
    );
  }
  if (typeof value !== "object" || value === null) return [];
  const members = value as Record<string, unknown>;
  const entry = stringOf(members, ENTRY_NAMES);
  if (entry !== undefined) {
    const comment = stringOf(members, COMMENT_NAMES);
    const isInsecure = insecure || members.insecure === true;
    return [{ entry, ...(isInsecure && { insecure: true }), ...(comment !== undefined && { comment }) }];
  }
  return Object.entries(members).flatMap(([name, member]) => collect(member, /insecure/i.test(name)));
}

function stringOf(members: Record<string, unknown>, names: readonly string[]): string | undefined {
  const name = names.find((name) => typeof members[name] === "string");
  return name === undefined ? undefined : (members[name] as string);
}

/** Reads CSV with a header that names a column of registries. */
function fromTable(text: string): PastedEntry[] | undefined {
  const [header = "", ...lines] = text.split(/\r\n?|\n/);
  const separator = [",", ";", "\t", "|"].find((mark) => header.includes(mark));
  if (separator === undefined) return undefined;
  const names = cells(header, separator).map((name) => name.toLowerCase());
  const column = (wanted: readonly string[]) => names.findIndex((name) => wanted.includes(name));
  const at = column(ENTRY_NAMES);
  if (at === -1) return undefined;
  const [insecureAt, commentAt] = [column(["insecure"]), column(COMMENT_NAMES)];
  return lines.flatMap((line) => {
    const values = cells(line, separator);
    const entry = values[at] ?? "";
    const comment = values[commentAt] ?? "";
    if (entry === "") return [];
    const isInsecure = /^(?:true|yes|y|1|x)$/i.test(values[insecureAt] ?? "");
    return [{ entry, ...(isInsecure && { insecure: true }), ...(comment !== "" && { comment }) }];
  });
}

/** Splits a line of CSV (RFC 4180, without line breaks in cells). */
function cells(line: string, separator: string): string[] {
  const found = [""];
  let isQuoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const mark = line[at]!;
    if (mark === '"' && isQuoted && line[at + 1] === '"') {
      found[found.length - 1] += '"';
      at += 1;
    } else if (mark === '"') isQuoted = !isQuoted;
    else if (mark === separator && !isQuoted) found.push("");
    else found[found.length - 1] += mark;
  }
  return found.map((cell) => cell.trim());
}

const BULLET = /^\s*(?:[-*•‣–]|\d{1,4}[.)])\s+/;

function fromLine(line: string): PastedEntry[] {
  const [, listed = "", note = ""] = /^(.*?)(?:(?:^|\s)#\s*(.*))?$/.exec(line.replace(BULLET, "")) ?? [];
  // `registries:` of YAML, `[section]` and `key =` of TOML name no registry.
  const words = listed.replace(/^\s*[\w.-]+\s*(?::\s|:$|=)/, " ").replace(/^\s*\[[\w."-]+\]\s*$/, " ");
  const entries = words
    .replace(/([\da-f])\s+[-–]\s+(?=[\da-f])/gi, "$1-")
    .split(/[\s,;|]+/)
    .map(unquoted)
    .filter((word) => word !== "" && !/^--?[a-z-]*$/.test(word));
  const comment = note.trim();
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0 && comment !== "") return [{ entry: only, comment }];
  return entries.map((entry) => ({ entry }));
}

/** Removes quotation marks, and brackets that are not those of an IPv6 address. */
function unquoted(word: string): string {
  const bare = word.replace(/^["'`(]+|["'`)]+$/g, "");
  const isAddress = /^\[[\da-f:.%]*:[\da-f:.%]*\]/i.test(bare);
  const inner = isAddress ? bare : bare.replace(/^[[{]+|[\]}]+$/g, "");
  return inner.replace(/^--?[a-z-]+=/, "").replace(/^["'`]+|["'`]+$/g, "");
}
