// The page built for a static host: under any path, without a daemon, under a content security policy of its own.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../programs.mjs";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { CONTENT_POLICY } from "./server.mjs";

const www = fileURLToPath(new URL("../../www/", import.meta.url));

test("the playground decides under any path, and requests nothing but its files", { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "pullgate-playground-"));
  try {
    run(www, "npm", ["run", "build:static", "--silent", "--", "--outDir", folder]);
    const html = readFileSync(join(folder, "index.html"), "utf8");
    assert.doesNotMatch(html, /(?:src|href)="\//);
    const server = { files: folder, under: "/some/where/", contentPolicy: null };
    await withPage({ server }, async (page, { server }) => {
      const content = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
      // `frame-ancestors` has no effect in a page.
      assert.equal(content, CONTENT_POLICY.replace("; frame-ancestors 'none'", ""));
      await page.locator("footer").getByText("No daemon serves this page").waitFor();
      await form.typeRegistries(page, [["10.2.2.0/24", "Insecure"]]);
      assert.equal((await form.decisionOf(page, "10.2.2.7/app")).decision, "allow");
      const names = server.requests.map(({ name }) => name).filter((name) => name !== "favicon.ico");
      assert.deepEqual(names.filter((name) => !/^(?:index\.html|icon\.svg|assets\/[\w.-]+)$/.test(name)), []);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
