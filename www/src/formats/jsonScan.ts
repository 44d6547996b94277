// Looking through JSON for what must not be there.

/** The name of a member that an object of this JSON has twice. */
export function findDuplicateMember(json: string): string | undefined {
  const names: Set<string>[] = [];
  for (const [, open, close, quoted, colon] of json.matchAll(/([{[])|([}\]])|("(?:\\.|[^"\\])*")(\s*:)?/g)) {
    if (open !== undefined) names.push(new Set());
    if (close !== undefined) names.pop();
    if (quoted === undefined || colon === undefined) continue;
    // One name may be written in several ways.
    const name = JSON.parse(quoted) as string;
    if (names.at(-1)?.has(name)) return name;
    names.at(-1)?.add(name);
  }
  return undefined;
}

/** Every text of a value: strings, and names of members. */
export function collectStrings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...collectStrings(member)]);
}
