// Scans of JSON for what a policy must not contain.

/** Returns the name of a member that occurs twice in one object. */
export function findDuplicateMember(json: string): string | undefined {
  const names: Set<string>[] = [];
  for (const [, open, close, quoted, colon] of json.matchAll(/([{[])|([}\]])|("(?:\\.|[^"\\])*")(\s*:)?/g)) {
    if (open !== undefined) names.push(new Set());
    if (close !== undefined) names.pop();
    if (quoted === undefined || colon === undefined) continue;
    // Escapes give one name several spellings.
    const name = JSON.parse(quoted) as string;
    if (names.at(-1)?.has(name)) return name;
    names.at(-1)?.add(name);
  }
  return undefined;
}

/** Returns all strings of a value, and the names of its members. */
export function collectStrings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...collectStrings(member)]);
}
