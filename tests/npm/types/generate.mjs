// Writes the package's real answers as TypeScript, which compiles only if the types allow every member and every string.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pullgate from "pullgate";
import { answers } from "../answers.mjs";

/** Writes `answers.ts` with the distinct answers to all of tests/vectors. */
export async function typescriptFiles(folder) {
  const byType = new Map();
  for (const { type, value } of answers(pullgate)) {
    if (!byType.has(type)) byType.set(type, new Set());
    byType.get(type).add(JSON.stringify(value));
  }
  const imported = [...byType.keys()].map((type) => type.replace("[]", "")).join(", ");
  let text = `import type { ${imported} } from "pullgate";\n`;
  for (const [type, values] of byType) {
    const name = type.replace("[]", "List");
    // In answers, bytes are hexadecimal.
    const really = type === "TrustAnchor[]" ? '(Omit<TrustAnchor, "der"> & { der: string })[]' : type;
    text += `export const all${name}: (${really})[] = [\n${[...values].map((value) => `  ${value},\n`).join("")}];\n`;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "answers.ts"), text);
}
