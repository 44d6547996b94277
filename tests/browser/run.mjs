// Runs the tests of the page in Chromium: `node run.mjs`, after `cargo xtask module` and
// `cargo build --release -p pullgate-cli`. `node run.mjs NAME…` runs only the files of these names. `--install` only
// installs the dependencies of the page and its tests; `--built` skips the build of the page.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { install, run } from "../programs.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const www = join(root, "www");

for (const folder of [root, www, here]) install(folder);
if (process.argv.includes("--install")) process.exit();

const files = readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort();
const names = process.argv.slice(2).filter((name) => name !== "--built");
// A misspelt name would run no test, and pass.
const unknown = names.filter((name) => !files.some((file) => file.startsWith(name)));
if (unknown.length > 0) throw new Error(`no tests of this name: ${unknown.join(", ")}`);
if (!process.argv.includes("--built")) run(www, "npm", ["run", "build", "--silent"]);
if (names.length === 0) run(www, "npm", ["test", "--silent"]);

const { close } = await import("./browser.mjs");
after(close);

for (const file of files) {
  if (names.length === 0 || names.some((name) => file.startsWith(name))) await import(`./${file}`);
}
