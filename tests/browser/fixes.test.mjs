// Findings under a field: range, fix, warnings, and unchecked input.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use, options = {}) => test(name, { timeout: 60_000 }, () => withPage(options, use));

check("one click puts an entry right, and the focus goes back to it", async (page) => {
  await form.typeRegistries(page, [["10.2.2/24", "Insecure"]]);
  await form.row(page, 1).locator("mark").getByText("10.2.2/24", { exact: true }).waitFor();
  await form.row(page, 1).getByRole("button", { name: "Use 10.2.2.0/24" }).click();
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "10.2.2.0/24");
  await page.waitForFunction(() => document.activeElement.value === "10.2.2.0/24");
});

check("only the wrong part of an entry is marked and replaced", async (page) => {
  await form.field(page, 1).fill("user:secret@🐳h.example.com");
  await form.row(page, 1).locator("mark").first().waitFor();
  assert.equal((await form.row(page, 1).locator("mark").allInnerTexts())[0], "user:secret@");
  assert.equal((await form.row(page, 1).locator(".findings").innerText()).includes("secret"), false);
  await form.row(page, 1).getByRole("button", { name: "Delete this part" }).first().click();
  await page.waitForFunction(() => document.activeElement.value === "🐳h.example.com");
});

check("a range of addresses becomes several rows", async (page) => {
  await form.field(page, 1).fill("10.0.0.1-10.0.0.9");
  await form.row(page, 1).getByRole("button", { name: "Split into 4 entries" }).click();
  await form.status(page).getByText(/^No errors/).waitFor();
  const { whitelist } = JSON.parse(await form.formattedText(page, "JSON"));
  assert.deepEqual(whitelist, ["10.0.0.1", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.8/31"]);
});

/** Ten mistakes of a newcomer, each with the buttons that lead out of it and the entries that come of it. */
const MISTAKES = [
  ["https://hub.docker.com/_/nginx", ["Use docker.io/library/nginx"], ["docker.io/library/nginx"]],
  ["nginx", ["Use docker.io/library/nginx"], ["docker.io/library/nginx"]],
  ["ghcr.io/nordwind/*", ["Use ghcr.io/nordwind"], ["ghcr.io/nordwind"]],
  ["https://index.docker.io/v1/", ["Use https://index.docker.io"], ["index.docker.io:443"]],
  ["10.0.0.0/8, 192.168.0.0/16", ["Split into 2 entries"], ["10.0.0.0/8", "192.168.0.0/16"]],
  ["harbor.example.com:*", ["Use harbor.example.com"], ["harbor.example.com"]],
  [
    "harbor.example.com:8701-8703",
    ["Split into 3 entries"],
    ["harbor.example.com:8701", "harbor.example.com:8702", "harbor.example.com:8703"],
  ],
  [".example.com", ["Use *.example.com"], ["*.example.com"]],
  ["*example.com", ["Use *.example.com"], ["*.example.com"]],
  ["docker.io/redis", ["Use docker.io/library/redis"], ["docker.io/library/redis"]],
];

for (const [typed, buttons, entries] of MISTAKES) {
  check(`buttons alone lead from ${typed} to ${entries.join(" and ")}`, async (page) => {
    await form.setMode(page, true);
    await form.field(page, 1).pressSequentially(typed);
    for (const name of buttons) {
      await form.row(page, 1).getByRole("button", { name, exact: true }).click();
    }
    await form.status(page).getByText(/^No errors/).waitFor();
    const { whitelist } = JSON.parse(await form.formattedText(page, "JSON"));
    assert.deepEqual(whitelist, entries);
    // Nothing is left to put right.
    assert.equal(await form.rows(page).getByRole("button", { name: /^(Use|Split into) / }).count(), 0);
  });
}

check("a star among strangers' names has no button, and says why", async (page) => {
  await form.setMode(page, true);
  await form.field(page, 1).fill("harbor.*");
  await form.row(page, 1).locator('.finding[data-code="wildcard-invalid"]').waitFor();
  assert.equal(await form.row(page, 1).locator(".finding").getByRole("button").count(), 0);
  await form.field(page, 1).fill("*.azurecr.io");
  const shared = form.row(page, 1).locator('.finding[data-code="wildcard-shared"]');
  await shared.getByText("anybody can have a name").waitFor();
  assert.equal(await form.row(page, 1).locator(".finding").getByRole("button").count(), 0);
});

check("a lone * among insecure registries does not offer to open the whitelist", async (page) => {
  await form.typeRegistries(page, [["*", "Insecure"]]);
  await form.row(page, 1).getByText("no entry stands for every registry").waitFor();
  assert.equal(await form.row(page, 1).getByRole("button", { name: "Turn whitelist mode off" }).count(), 0);
});

check("a lone * offers to turn whitelist mode off", async (page) => {
  await form.field(page, 1).fill("*");
  await form.row(page, 1).getByRole("button", { name: "Turn whitelist mode off" }).click();
  assert.equal(await form.mode(page).isChecked(), false);
  assert.equal(await form.mode(page).evaluate((input) => input === document.activeElement), true);
  await form.status(page).getByText(/^No errors/).waitFor();
});

check("a warning is said and blocks nothing", async (page) => {
  await form.typeRegistries(page, [["h.example.com", "Secure"], ["h.example.com", "Secure"]]);
  await form.status(page).getByText(/^No errors, [12] warning/).waitFor();
  assert.equal(await form.row(page, 2).locator('.finding[data-severity="warning"]').count() > 0, true);
  assert.equal(await form.field(page, 2).getAttribute("aria-invalid"), null);
  await form.downloaded(page, "TOML");
});

check("plain HTTP in the whitelist needs an insecure twin", async (page) => {
  await form.typeRegistries(page, [["http://h.example.com:5000", "Secure"]]);
  await form.status(page).getByText("1 error").waitFor();
  await form.row(page, 1).getByRole("button", { name: /^Add a registry/ }).click();
  await form.field(page, 2).fill("h.example.com:5000");
  await form.row(page, 2).getByText("Insecure", { exact: true }).click();
  await form.status(page).getByText(/^No errors/).waitFor();
});

check("unchecked input is neither valid nor wrong", async (page) => {
  await page.evaluate(() => {
    window.trap = true;
  });
  await form.field(page, 1).fill("harbor.example.com");
  await form.status(page).getByText("Could not be checked").waitFor();
  await form.row(page, 1).getByText("Could not be checked:").waitFor();
  assert.equal(await form.row(page, 1).locator('.finding[data-severity="error"]').count(), 0);
  assert.equal(await form.field(page, 1).getAttribute("aria-invalid"), null);
  await form.output(page).locator('.notice[data-severity="unchecked"]').waitFor();
  assert.equal((await form.output(page).innerText()).includes("error"), false);
  await form.output(page).getByRole("button", { name: "Copy" }).click();
  await form.output(page).locator(".format-buttons").getByText("This could not be checked").waitFor();
  await page.getByLabel("Image or registry").fill("alpine");
  await page.locator("main").getByText("The policy could not be checked, so there is no decision.").waitFor();
  // The page recovers with the module.
  await page.evaluate(() => {
    window.trap = false;
  });
  await form.field(page, 1).fill("harbor.example.com:443");
  await form.status(page).getByText(/^No errors/).waitFor();
}, { init: form.trapOnDemand });
