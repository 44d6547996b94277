// The page in Chromium. A violation of the content security policy, an error in the console or an uncaught error fails the
// test.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { chromiumOptions } from "../chromium.mjs";
import { serve } from "./server.mjs";


let running;

function browser() {
  running ??= chromium.launch(chromiumOptions());
  return running;
}

/** Closes Chromium. */
export async function close() {
  await (await running)?.close();
}

/**
 * Opens the page for one test, and closes everything after it. `use` receives the page, the server and the context.
 * Without a daemon one error is expected: the browser reports that `v1/module` does not exist.
 */
export async function withPage(options, use) {
  const { viewport = { width: 1280, height: 900 }, colorScheme = "light", server: given = {}, init, wait = true } = options;
  const server = await serve(given);
  const context = await (await browser()).newContext({ viewport, colorScheme, acceptDownloads: true });
  const errors = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => errors.push(error.stack ?? error.message));
    page.on("console", (message) => {
      const isMissingDaemon = message.location().url.endsWith("v1/module") && given.daemon?.["v1/module"] === undefined;
      const isExpected = (given.expectErrorsOf ?? []).some((path) => message.location().url.endsWith(path));
      if (message.type() === "error" && !isMissingDaemon && !isExpected) errors.push(message.text());
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    if (init) await page.addInitScript(init);
    await page.goto(server.address);
    if (wait) await page.getByRole("heading", { level: 1 }).waitFor();
    await use(page, { server, context });
    assert.deepEqual(errors, []);
  } catch (error) {
    if (errors.length > 0) error.message += `\nin the page: ${errors.join("\n")}`;
    throw error;
  } finally {
    await context.close();
    server.end();
  }
}
