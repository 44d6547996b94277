// What there is to read before the scripts and the module are here, and without them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";

/** Holds back the responses of these files until `release` is called. */
async function holdBack(page, pattern) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route(pattern, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

test("there is text before style sheet, scripts and module, and the page after them", { timeout: 60_000 }, () =>
  withPage({ wait: false }, async (page, { server }) => {
    const release = await holdBack(page, /assets\//);
    await page.goto(server.address, { waitUntil: "commit" });
    await page.getByText("The rules are being loaded.").waitFor();
    await page.getByText("Choose the registries that containers may be created from").waitFor();
    const painted = () => performance.getEntriesByName("first-contentful-paint").length === 1;
    await page.waitForFunction(painted);
    assert.equal(await page.getByText("This takes long.").isVisible(), false);
    release();
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.equal(await page.getByText("The rules are being loaded.").count(), 0);
  }),
);

test("a module that cannot be started is a sentence, a reason, and another attempt", { timeout: 60_000 }, () =>
  withPage({ wait: false }, async (page, { server }) => {
    // A proxy that answers with its own page.
    let answers = 0;
    await page.route(/\.wasm$/, (route) => {
      answers += 1;
      return route.fulfill({ status: 200, contentType: "text/html", body: "<p>log in" });
    });
    await page.goto(server.address);
    const failure = page.getByRole("alert");
    await failure.getByText("The module with the rules could not be loaded, so nothing can be checked here.").waitFor();
    await failure.getByText(/HTML/).waitFor();
    assert.ok(answers > 0);
    await page.unroute(/\.wasm$/);
    await failure.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("region", { name: "Registries", exact: true }).waitFor();
  }),
);
