// Links between the project's Markdown files lead to files and headings that are there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" }).trim().split("\n");

/** Returns the text without what is in fences. */
const prose = (page) => readFileSync(join(root, page), "utf8").replaceAll(/^ *```.*?^ *```/gms, "");

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchors(page) {
  const headings = prose(page).matchAll(/^#+ (.*)$/gm);
  const plain = (heading) => heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return [...headings].map(([, heading]) => plain(heading).replaceAll(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-"));
}

for (const page of pages) {
  test(`links of ${page}`, () => {
    for (const [, link] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, target)), `${link} is not there`);
      if (anchor) assert.ok(anchors(target).includes(anchor), `${link} has no such heading`);
    }
  });
}
