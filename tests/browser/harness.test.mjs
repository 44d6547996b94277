// The harness itself: a page with violations fails its tests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { withPage } from "./browser.mjs";

const VIOLATIONS = {
  "a style element": () => document.head.append(document.createElement("style").appendChild(new Text("p{}")).parentNode),
  "a style attribute": () => document.body.insertAdjacentHTML("beforeend", '<p style="color: red">x</p>'),
  "an image in the text of the page": () => document.body.insertAdjacentHTML("beforeend", '<img alt="" src="data:image/gif;base64,R0lGODlh">'),
  "a request to elsewhere": () => void fetch("http://localhost:9/").catch(() => {}),
  "an error in the console": () => console.error("wrong"),
  "an uncaught error": () => void setTimeout(() => { throw new Error("wrong"); }),
};

for (const [name, wrong] of Object.entries(VIOLATIONS)) {
  test(`noticed: ${name}`, { timeout: 60_000 }, async () => {
    await assert.rejects(
      withPage({}, async (page) => {
        await page.evaluate(wrong);
        await page.waitForTimeout(200);
      }),
      /content.security.policy|wrong/i,
    );
  });
}

test("noticed: a field without a name, and text that is hard to read", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    await page.evaluate(() => {
      document.querySelector("main").insertAdjacentHTML("beforeend", "<input><p class=muted id=pale>pale</p>");
      document.getElementById("pale").style.color = "#ccc";
    });
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(violations.map(({ id }) => id).sort(), ["color-contrast", "label"]);
  }),
);
