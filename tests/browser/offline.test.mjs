// Robustness: no network after loading, large policies, and garbage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 90_000 }, () => withPage({}, use));

check("everything works without a network once the page is loaded", async (page, { server, context }) => {
  await page.locator("footer").getByText("No daemon serves this page").waitFor();
  server.end();
  await context.setOffline(true);
  await form.typeRegistries(page, [["10.2.2/24", "Insecure"]]);
  await form.row(page, 1).getByRole("button", { name: "Use 10.2.2.0/24" }).click();
  assert.equal((await form.decisionOf(page, "10.2.2.7/app")).decision, "allow");
  await page.locator('.certificates input[type="file"]').setInputFiles({
    name: "ca.pem",
    mimeType: "application/x-pem-file",
    buffer: Buffer.from(form.certificate("ca.pem")),
  });
  await page.locator(".certificate").waitFor();
  for (const format of ["vic-machine", "REST JSON", "TOML", "JSON"]) {
    assert.ok((await form.downloaded(page, format)).text.includes("10.2.2.0/24"), format);
  }
  await form.openText(page, '{"whitelist": ["a.example"]}');
  await page.waitForFunction(() => document.querySelector("li.row input").value === "a.example");
});

check("two thousand rows, pasted: the page stays usable", async (page) => {
  const lines = Array.from({ length: 2000 }, (_, index) => `host-${index}.example.com:${(index % 65535) + 1}`);
  lines[1500] = "host-1500.example.com:0";
  await form.field(page, 1).focus();
  await form.paste(page, lines.join("\n"));
  await form.status(page).getByText("1 error").waitFor();
  await page.waitForFunction(() => document.activeElement.value === "host-1999.example.com:2000");
  assert.ok((await form.rows(page).count()) <= 60, "only the rows in view are there");
  await page.getByRole("button", { name: "Go to the first error" }).click();
  await page.waitForFunction(() => document.activeElement.value === "host-1500.example.com:0");
  const started = Date.now();
  await page.keyboard.press("End");
  await page.keyboard.type("0123456789");
  await page.waitForFunction(() => document.activeElement.value === "host-1500.example.com:00123456789");
  assert.ok(Date.now() - started < 10_000, `ten keys took ${Date.now() - started} ms`);
  await page.getByLabel("Registry 1501: IP").fill("host-1500.example.com");
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.equal((await form.decisionOf(page, "host-1999.example.com:2000/app")).decision, "allow");
  await page.getByRole("button", { name: "Show the entry" }).click();
  await page.waitForFunction(() => document.activeElement.value === "host-1999.example.com:2000");
});

check("a large bundle of certificates", async (page) => {
  const text = `${form.certificate("ca.pem")}${form.certificate("other-ca.pem")}`.repeat(400);
  await page.locator('.certificates input[type="file"]').setInputFiles([
    { name: "large.pem", mimeType: "application/x-pem-file", buffer: Buffer.from(text) },
    { name: "too-large.pem", mimeType: "application/x-pem-file", buffer: Buffer.alloc(3 << 20, "A") },
  ]);
  await page.locator(".certificate").nth(1).waitFor();
  assert.equal(await page.locator(".certificate").count(), 2);
  await page.locator("main").getByText("798 certificates of large.pem were here already.", { exact: true }).waitFor();
  await page.locator('.finding[data-code="bundle-too-large"]').waitFor();
});

check("garbage everywhere", async (page) => {
  const garbage = [
    "\u202egro.elpmaxe",
    "пример.рф",
    "🐳🐳🐳.example",
    "a".repeat(5000),
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "\u0000\u0007",
    "h\u200bidden.example",
    "//////",
    "[::1%eth0]:5000",
    "999999999999999999999",
    "`backticks` ${and} %s",
  ];
  for (const text of garbage) {
    await form.field(page, 1).fill(text);
    await page.getByLabel("Image or registry").fill(text);
    await form.setMode(page, false);
    await form.setMode(page, true);
    await page.getByRole("heading", { level: 1 }).waitFor();
  }
  for (const text of ["null", "[1", "{}", '{"whitelist":{}}', "\ufeff{}", "= = =", '{"a":'.repeat(500), "\u0000"]) {
    if (!(await page.getByLabel("Or paste it").isVisible())) await page.getByRole("button", { name: "Open…" }).click();
    await page.getByLabel("Or paste it").focus();
    await form.paste(page, text);
    await page.locator("main > .notice").waitFor();
    // Dismissed, so that the next notice is a new one.
    await page.locator("main > .notice").getByRole("button", { name: "Dismiss" }).click();
    await page.locator("main > .notice").waitFor({ state: "detached" });
  }
});
