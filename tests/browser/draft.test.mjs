// Nothing is lost: the draft in the browser's storage, and the question before leaving.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon } from "./fake_daemon.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));
const main = (page) => page.locator("main");
const restored = (page) => main(page).getByText("The form begins with what was left unsaved here on");
const stored = (page) => page.evaluate(() => Object.values(localStorage).join("\n"));

async function reload(page) {
  await page.waitForTimeout(700);
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** Returns whether the browser asks before it closes the page. The page stays open. */
async function asksBeforeLeaving(page) {
  const asked = page.waitForEvent("dialog", { timeout: 3000 }).then(
    (dialog) => dialog.dismiss().then(() => true),
    () => false,
  );
  await page.close({ runBeforeUnload: true });
  return asked;
}

check("what was typed is there again after a reload, certificates and hidden rows too", async (page) => {
  await form.typeRegistries(page, [["secure.example", "Secure"], ["10.2.2.0/24", "Insecure"], ["h.example:0", "Secure"]]);
  const buffer = Buffer.from(form.certificate("ca.pem"));
  await page.locator('.certificates input[type="file"]').setInputFiles({ name: "ca.pem", mimeType: "text/plain", buffer });
  await form.setMode(page, false);
  await reload(page);
  await restored(page).waitFor();
  assert.equal(await page.locator(".certificate").count(), 1);
  assert.equal(await form.field(page, 1).inputValue(), "10.2.2.0/24");
  await form.setMode(page, true);
  const texts = await form.rows(page).getByRole("textbox").evaluateAll((fields) => fields.map(({ value }) => value));
  assert.deepEqual(texts, ["secure.example", "10.2.2.0/24", "h.example:0"]);
  // Discarded, and that undone.
  await page.getByRole("button", { name: "Discard it" }).click();
  assert.equal(await form.field(page, 1).inputValue(), "");
  await page.getByRole("button", { name: "Undo: Draft discarded" }).click();
  assert.equal(await form.field(page, 1).inputValue(), "secure.example");
  await page.getByRole("button", { name: /^Redo/ }).click();
  await reload(page);
  assert.equal(await restored(page).count(), 0);
});

check("private keys and passwords are in no draft", async (page) => {
  const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";
  await form.field(page, 1).fill("https://bob:s3cret@h.example");
  await page.locator('.certificates input[type="file"]').setInputFiles({
    name: "both.pem",
    mimeType: "text/plain",
    buffer: Buffer.from(form.certificate("ca.pem") + key),
  });
  await page.locator(".certificate").waitFor();
  await reload(page);
  await restored(page).waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "https://h.example");
  const text = await stored(page);
  assert.ok(text.includes("BEGIN CERTIFICATE") && !/PRIVATE KEY|MIGHAg|s3cret/.test(text), text);
});

check("an image that was only tried is not asked about", async (page) => {
  await page.getByLabel("Image or registry").fill("alpine");
  assert.equal(await asksBeforeLeaving(page), false);
});

check("typed entries are asked about, downloaded ones are not", async (page) => {
  await form.field(page, 1).pressSequentially("a.example");
  await page.locator("pre").getByText("a.example").waitFor();
  assert.equal(await asksBeforeLeaving(page), true);
  await form.downloaded(page, "JSON");
  await page.waitForTimeout(700);
  assert.equal(await stored(page), "");
  assert.equal(await asksBeforeLeaving(page), false);
});

test("with a daemon, what is not applied is unsaved; its draft tells a policy that changed meanwhile", { timeout: 60_000 }, () => {
  const daemon = new FakeDaemon({ whitelist: ["a.example"] });
  return withPage({ server: { daemon: daemon.responses } }, async (page) => {
    await main(page).getByText("This is what the daemon decides by now (generation 1).").waitFor();
    await form.field(page, 1).fill("mine.example");
    await main(page).getByText("Not applied yet.").waitFor();
    await reload(page);
    await restored(page).waitFor();
    await main(page).getByText("The daemon decides by another policy (generation 1).").waitFor();
    await page.waitForTimeout(700);
    daemon.set({ whitelist: ["theirs.example"] });
    await page.reload();
    await main(page).getByText("The daemon’s policy changed meanwhile: by now it decides by generation 2").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "mine.example");
    await page.getByRole("button", { name: "Discard it" }).click();
    assert.equal(await form.field(page, 1).inputValue(), "theirs.example");
    await main(page).getByText("This is what the daemon decides by now (generation 2).").waitFor();
  });
});

for (const wrong of ["{", '{"format":1}', '{"format":1,"time":1,"values":{"rows":[7]}}', "null"]) {
  check(`a draft that cannot be read is none: ${wrong}`, async (page) => {
    await page.evaluate((text) => localStorage.setItem(`pullgate-draft ${location.pathname}`, text), wrong);
    await page.reload();
    await form.field(page, 1).fill("a.example");
    assert.equal(await restored(page).count(), 0);
  });
}
