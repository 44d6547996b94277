// Does in Chromium what a page of the documentation says, and compares what it shows: `node walk_page.mjs STEPS`, where
// the steps are `[{action, shows}]` as JSON. `src/cli/tests/tutorials` runs it.

import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";
import { chromiumOptions } from "../chromium.mjs";

const TIMEOUT_MS = 10_000;

const ACTIONS = [
  [/^open (\S+)$/, (page, address) => page.goto(address)],
  [/^type `(.*)` into (.+)$/, (page, text, label) => page.getByLabel(label, { exact: true }).fill(text)],
  [/^press (.+)$/, (page, name) => page.getByRole("button", { name, exact: true }).click()],
];

/** Does one action. */
async function act(page, text) {
  for (const [pattern, action] of ACTIONS) {
    const match = pattern.exec(text);
    if (match) return action(page, ...match.slice(1));
  }
  throw new Error(`\`${text}\` is no action that is known`);
}

/** Returns the lines of all status messages and list items, in order, with their buttons in brackets. */
function shown(page) {
  return page.locator("[role=status], li").evaluateAll((elements) => {
    const lines = elements.flatMap((element) => {
      const copy = element.cloneNode(true);
      for (const button of copy.querySelectorAll("button")) button.textContent = `[${button.textContent}]`;
      return copy.children.length > 0 ? [...copy.children] : [copy];
    });
    return lines.map((line) => line.textContent.trim()).filter((text) => text !== "");
  });
}

/** Waits until the page shows these lines and no others. */
async function expectShown(page, action, lines) {
  const end = Date.now() + TIMEOUT_MS;
  while (Date.now() < end) {
    if (JSON.stringify(await shown(page)) === JSON.stringify(lines)) return;
    await setTimeout(50);
  }
  assert.deepEqual(await shown(page), lines, action);
}

const browser = await chromium.launch(chromiumOptions());
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.stack ?? error.message));
  for (const { action, shows } of JSON.parse(process.argv[2])) {
    await act(page, action);
    await expectShown(page, action, shows);
  }
  assert.deepEqual(errors, []);
} finally {
  await browser.close();
}
