// The site of the documentation (`cargo xtask book`) has every page of `docs` once, and each is reached from its first
// page.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path/posix";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const SUMMARY = "SUMMARY.md";
const FIRST = "README.md";

const files = execFileSync("git", ["ls-files", "*.md"], { cwd: docs, encoding: "utf8" }).trim().split("\n");
const pages = files.filter((file) => file !== SUMMARY).sort();

/** Returns the pages of `docs` that a page links to, in order. */
function links(page) {
  const text = readFileSync(join(docs, page), "utf8").replaceAll(/^ *```.*?^ *```/gms, "");
  const targets = [...text.matchAll(/\]\(([^)\s#]+\.md)(?:#[^)\s]*)?\)/g)].map(([, target]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => join(page, "..", target));
}

test("the summary lists every page once, and nothing else", () => {
  assert.deepEqual(links(SUMMARY).sort(), pages);
});

test("every page is reached from the first one", () => {
  const reached = new Set([FIRST]);
  for (const page of reached) {
    for (const target of links(page)) if (pages.includes(target)) reached.add(target);
  }
  assert.deepEqual(pages.filter((page) => !reached.has(page)), []);
});
