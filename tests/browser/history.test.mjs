// Undo and redo, for everything that changes the form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));
const texts = (page) => form.rows(page).getByRole("textbox").evaluateAll((fields) => fields.map(({ value }) => value));
const bar = (page) => page.getByRole("region", { name: "Changes" });

check("a removed registry comes back by its notice, in its place", async (page) => {
  await form.typeRegistries(page, [["a.example", "Secure"], ["b.example", "Insecure"], ["c.example", "Secure"]]);
  await form.row(page, 2).getByRole("button", { name: "Remove registry 2" }).click();
  await bar(page).getByText("Registry removed.").waitFor();
  await bar(page).getByRole("button", { name: "Undo: Registry removed" }).click();
  assert.deepEqual(await texts(page), ["a.example", "b.example", "c.example"]);
  assert.equal(await form.row(page, 2).getByRole("radio", { name: "Insecure" }).isChecked(), true);
  await page.waitForFunction(() => document.activeElement.value === "b.example");
  await form.announcements(page).getByText("Undone: Registry removed").waitFor();
});

check("Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y go through typing, modes, pastes and opened policies", async (page) => {
  const versions = [];
  const version = async () => JSON.stringify([await texts(page), await form.mode(page).isChecked()]);
  const after = async (action) => {
    await action();
    versions.push(await version());
  };
  await after(() => form.field(page, 1).fill("a.example"));
  await after(async () => {
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("li.row").length === 2);
  });
  await after(() => form.paste(page, "b.example\nc.example\n"));
  await after(() => form.setMode(page, false));
  await after(() => form.openText(page, '{"whitelist": ["x.example", "y.example"]}'));
  await form.field(page, 1).focus();
  for (const expected of versions.slice(0, -1).reverse()) {
    await page.keyboard.press("Control+z");
    assert.equal(await version(), expected);
  }
  await page.keyboard.press("Control+z");
  assert.deepEqual(await texts(page), [""]);
  await page.keyboard.press("Control+z");
  for (const [index, expected] of versions.entries()) {
    await page.keyboard.press(index % 2 ? "Control+y" : "Control+Shift+Z");
    assert.equal(await version(), expected);
  }
});

check("a removed certificate, a fix and a project come back", async (page) => {
  const input = page.locator('.certificates input[type="file"]');
  await input.setInputFiles({ name: "ca.pem", mimeType: "text/plain", buffer: Buffer.from(form.certificate("ca.pem")) });
  await page.locator(".authority").getByRole("button", { name: /^Remove the certificate/ }).click();
  await page.locator(".authority").waitFor({ state: "detached" });
  await bar(page).getByRole("button", { name: "Undo: Certificate removed" }).click();
  await page.locator(".authority").waitFor();

  await form.field(page, 1).fill("10.2.2/24");
  await form.row(page, 1).getByRole("button", { name: "Use 10.2.2.0/24" }).click();
  await page.keyboard.press("Control+z");
  assert.deepEqual(await texts(page).then(([first]) => first), "10.2.2/24");

  await page.getByRole("button", { name: "Add a project" }).click();
  await page.getByLabel("Name of the project").fill("blue");
  await form.field(page, 1).fill("blue.example");
  await page.getByRole("button", { name: "Remove the project blue" }).click();
  await bar(page).getByRole("button", { name: "Undo: Project blue removed" }).click();
  await page.getByLabel("Lists for").selectOption("project blue");
  assert.equal(await form.field(page, 1).inputValue(), "blue.example");
});

check("outside of the form, the browser undoes typing", async (page) => {
  await form.field(page, 1).fill("a.example");
  await page.getByLabel("Image or registry").pressSequentially("alpine");
  await page.keyboard.press("Control+z");
  assert.equal(await form.field(page, 1).inputValue(), "a.example");
  assert.notEqual(await page.getByLabel("Image or registry").inputValue(), "alpine");
});

check("a project needs a name of its own", async (page) => {
  await form.openText(page, '{"whitelist": [], "projects": {"red": {}, "blue": {"whitelist": ["b.example"]}}}');
  await page.getByLabel("Lists for").selectOption("project blue");
  await page.getByLabel("Name of the project").fill("red");
  await page.getByText("There is a project of this name already.").waitFor();
  const projects = async () => Object.keys(JSON.parse(await form.formattedText(page, "JSON")).projects);
  assert.deepEqual(await projects(), ["red", "blue"]);
  await page.getByLabel("Name of the project").fill("green");
  await page.locator("pre").getByText("green").waitFor();
  assert.deepEqual(await projects(), ["red", "green"]);
});
