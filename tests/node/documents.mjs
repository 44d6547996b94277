// Prints the result of loading each file of a folder: `documents.mjs FOLDER TIME`.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Policy } from "./module.mjs";

const [folder, at] = process.argv.slice(2);
for (const file of readdirSync(folder).sort()) {
  // Not `readFileSync(…, "utf8")`, which drops a byte-order mark: the text passes unchanged.
  const { ok, findings, policy } = Policy.load(readFileSync(join(folder, file)).toString("utf8"), Number(at));
  policy?.free();
  console.log(`${file.slice(4)}\t${JSON.stringify({ loads: ok, findings })}`);
}
