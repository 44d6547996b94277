// The page by keyboard alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

test("a policy made and tried with the keyboard alone", { timeout: 90_000 }, () =>
  withPage({}, async (page) => {
    await form.tabTo(page, /^Skip to the registries/);
    await page.keyboard.press("Enter");
    await form.tabTo(page, /^Whitelist registry mode/);
    await page.keyboard.press("Space");
    assert.equal(await form.mode(page).isChecked(), false);
    await page.keyboard.press("Space");
    assert.equal(await form.mode(page).isChecked(), true);

    await form.tabTo(page, /^Registry 1: IP/);
    await page.keyboard.type("10.2.40.40:443");
    // Enter moves to the next row.
    await page.keyboard.press("Enter");
    await focusOn(page, 2);
    await page.keyboard.type("10.2.2/24");
    await form.tabTo(page, /^Secure/);
    await page.keyboard.press("ArrowRight");
    await form.row(page, 2).getByRole("button", { name: "Use 10.2.2.0/24" }).waitFor();
    await form.tabTo(page, /^Use 10\.2\.2\.0\/24/);
    await page.keyboard.press("Enter");
    await focusOn(page, 2);
    assert.equal(await form.field(page, 2).inputValue(), "10.2.2.0/24");

    // + and − keep the focus where typing continues.
    // The buttons of a row are one stop, and arrow keys lead from one to the next.
    await form.tabTo(page, /^Remove registry 2/);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Space");
    await focusOn(page, 3);
    await page.keyboard.type("gone.example");
    await form.tabTo(page, /^Remove registry 3/);
    await page.keyboard.press("Enter");
    await focusOn(page, 2);
    assert.equal(await form.rows(page).count(), 2);

    await form.tabTo(page, /^Image or registry/);
    await page.keyboard.type("10.2.2.7:5000/app");
    assert.equal((await form.shownDecision(page)).decision, "allow");
    await form.tabTo(page, /^Show the entry/);
    await page.keyboard.press("Enter");
    await focusOn(page, 2);

    await form.tabTo(page, /^vic-machine/);
    await page.keyboard.press("ArrowRight");
    await form.output(page).getByRole("tab", { name: "REST JSON", selected: true }).waitFor();
    await form.tabTo(page, /^Download$/);
    const waiting = page.waitForEvent("download");
    await page.keyboard.press("Enter");
    assert.equal((await waiting).suggestedFilename(), "registry.json");
  }),
);

test("changes are announced to screen readers", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    const announcements = form.announcements(page);
    await form.field(page, 1).pressSequentially("h.example:99999");
    await announcements.getByText("Error: `99999` is not a port").waitFor();
    await form.field(page, 1).fill("h.example");
    await form.decisionOf(page, "h.example/app");
    await announcements.getByText("Allowed").waitFor();
    await form.row(page, 1).getByRole("button", { name: /^Add/ }).click();
    await announcements.getByText("Registry added").waitFor();
    // Findings are part of the description of the field.
    await form.field(page, 2).fill("10.2.2/24");
    await form.row(page, 2).locator(".finding").waitFor();
    const described = await form.field(page, 2).evaluate((input) =>
      input.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id)?.textContent).join(" "),
    );
    assert.match(described, /Error:.*has 3 of the 4 numbers/);
  }),
);

async function focusOn(page, number) {
  await page.waitForFunction(
    (index) => document.activeElement === document.querySelectorAll("li.row[data-row]")[index]?.querySelector("input"),
    number - 1,
  );
}
