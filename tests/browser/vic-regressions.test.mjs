// Failures of the wizard of vSphere Integrated Containers, one test each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { run } from "../programs.mjs";

const failure = (name, check) => test(`VIC: ${name}`, { timeout: 60_000 }, () => withPage({}, check));

failure("ports were refused", async (page) => {
  await form.typeRegistries(page, [["harbor.example.com:8443", "Secure"], ["10.2.40.40:5000", "Insecure"]]);
  await form.status(page).getByText(/^No errors/).waitFor();
  const { whitelist, insecure } = JSON.parse(await form.formattedText(page, "JSON"));
  assert.deepEqual([whitelist, insecure], [["harbor.example.com:8443"], ["10.2.40.40:5000"]]);
  assert.equal((await form.decisionOf(page, "harbor.example.com:8443/x")).decision, "allow");
});

failure("a CIDR range could not be insecure", async (page) => {
  await form.typeRegistries(page, [["10.2.2.0/24", "Insecure"]]);
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.deepEqual((await form.decisionOf(page, "10.2.2.7:5000/app")).by, "10.2.2.0/24");
  await form.setMode(page, false);
  assert.equal(await form.field(page, 1).inputValue(), "10.2.2.0/24");
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), { insecure: ["10.2.2.0/24"] });
});

failure("a whitelist of insecure rows turned whitelist mode off", async (page) => {
  await form.typeRegistries(page, [["1.2.3.4:22", "Insecure"], ["4.3.2.1", "Insecure"]]);
  await page.locator("main").getByText("Only what is listed is allowed: 2 insecure entries. Everything else is denied").waitFor();
  const document = { whitelist: [], insecure: ["1.2.3.4:22", "4.3.2.1"] };
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), document);
  assert.equal((await form.decisionOf(page, "4.3.2.1/x")).decision, "allow");
  assert.equal((await form.decisionOf(page, "busybox")).decision, "deny");
  // VIC needs an entry in the whitelist for whitelist mode.
  assert.deepEqual(JSON.parse(await form.formattedText(page, "REST JSON")).whitelist, document.insecure);
  await page.locator("main").getByText("All entries are insecure. They stand in the whitelist too").waitFor();
  assert.match(await form.formattedText(page, "vic-machine"), /--whitelist-registry 4\.3\.2\.1 /);
});

failure("upper case was taken for another name", async (page) => {
  await form.typeRegistries(page, [["Harbor.Example.COM", "Secure"]]);
  await form.row(page, 1).getByText("Read as harbor.example.com").waitFor();
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")).whitelist, ["harbor.example.com"]);
  assert.equal((await form.decisionOf(page, "HARBOR.example.com/app")).decision, "allow");
});

failure("an unquoted * was left to the shell", async (page) => {
  await form.typeRegistries(page, [["*.example.com", "Secure"]]);
  const options = await form.formattedText(page, "vic-machine");
  assert.match(options, /^--whitelist-registry '\*\.example\.com'/);
  // In a folder where an unquoted star would match a file.
  const words = run("/", "sh", ["-c", `cd "$(mktemp -d)" && touch a.example.com && printf '%s\n' ${options}`]);
  assert.deepEqual(words.trim().split("\n"), ["--whitelist-registry", "*.example.com"]);
});

failure("hidden rows that were wrong blocked the step", async (page) => {
  await form.typeRegistries(page, [["not a registry!", "Secure"]]);
  await form.status(page).getByText("1 error").waitFor();
  await form.setMode(page, false);
  await form.status(page).getByText(/^No errors/).waitFor();
  await form.typeInsecure(page, [["192.168.100.207", "5000"]]);
  const { text } = await form.downloaded(page, "JSON");
  assert.deepEqual(JSON.parse(text), { insecure: ["192.168.100.207:5000"] });
  // The typed text is preserved, and shown again with its error.
  await form.setMode(page, true);
  assert.equal(await form.field(page, 1).inputValue(), "not a registry!");
  assert.equal(await form.field(page, 2).inputValue(), "192.168.100.207:5000");
  await form.status(page).getByText("1 error").waitFor();
});

failure("port 99999 was accepted", async (page) => {
  await form.setMode(page, false);
  await form.typeInsecure(page, [["192.168.100.207", "99999"]]);
  await form.status(page).getByText("1 error").waitFor();
  await form.row(page, 1).getByText("99999 is not a port: a number from 1 to 65535").waitFor();
  const port = form.row(page, 1).getByRole("textbox").nth(1);
  assert.equal(await port.getAttribute("aria-invalid"), "true");
  assert.equal(await form.field(page, 1).getAttribute("aria-invalid"), null);
  // Only the port is underlined.
  assert.deepEqual(await form.row(page, 1).locator("mark").allInnerTexts(), ["99999"]);
  await form.output(page).getByRole("button", { name: "Copy" }).click();
  await form.output(page).getByText("There are errors to correct first").waitFor();
  await page.waitForFunction(() => document.activeElement.value === "99999");
});
