// Writes what the package really answers as TypeScript: it compiles only where the types allow every member and every text
// of every answer.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pullgate from "pullgate";
import { answers } from "../answers.mjs";

/** Writes `answers.ts`, with the answers to all of tests/vectors, each once. */
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
    // Answers have their bytes in hexadecimal.
    const really = type === "Authority[]" ? '(Omit<Authority, "der"> & { der: string })[]' : type;
    text += `export const all${name}: (${really})[] = [\n${[...values].map((value) => `  ${value},\n`).join("")}];\n`;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "answers.ts"), text);
}
