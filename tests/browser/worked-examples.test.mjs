// Both worked examples of the documentation of vSphere Integrated Containers, typed into the page: the command line accepts
// the result, and decides as the page does.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { run } from "../programs.mjs";
import { pullgate } from "./program.mjs";

const cases = form.vectors("worked-examples.json");
const whitelisted = cases.find(({ name }) => name === "W1: vic example: whitelist mode");
const open = cases.find(({ name }) => name === "W1: vic example: whitelist mode off");

test("worked example 1: whitelist mode with a certificate", { timeout: 90_000 }, () =>
  withPage({}, async (page) => {
    await form.typeRegistries(page, [
      ["10.2.40.40:443", "Secure"],
      ["10.2.2.1/24", "Insecure"],
      ["*.example.com", "Insecure"],
      ["192.168.100.207", "Insecure"],
    ]);
    const [{ pem, registries }] = whitelisted.policy.certificate_authorities;
    await page.getByLabel("Choose files").or(page.locator('.certificates input[type="file"]')).first().setInputFiles({
      name: "ca.pem",
      mimeType: "application/x-pem-file",
      buffer: Buffer.from(pem),
    });
    await page.getByRole("heading", { name: "Example Registry CA" }).waitFor();
    await page.locator("main").getByText("Only for certain registries").click();
    await page.getByLabel(/^Registry 1 that/).fill(registries[0]);
    await agrees(page, whitelisted);
  }),
);

test("worked example 2: whitelist mode off", { timeout: 90_000 }, () =>
  withPage({}, async (page) => {
    await form.setMode(page, false);
    await form.typeInsecure(page, [
      ["*.example.com", ""],
      ["192.168.100.207", "5000"],
    ]);
    await agrees(page, open);
  }),
);

/** Checks that the command line accepts every format of the page's policy, and decides as the page does. */
async function agrees(page, { requests }) {
  const references = [...new Set(requests.flatMap(({ reference }) => reference ?? []))];
  assert.ok(references.length > 4);
  const folder = mkdtempSync(join(tmpdir(), "pullgate-page-"));
  try {
    const shown = {};
    for (const reference of references) shown[reference] = await form.decisionOf(page, reference);

    const policies = {};
    for (const format of ["JSON", "TOML", "REST JSON"]) {
      const { name, text } = await form.downloaded(page, format);
      const file = join(folder, `${format}-${name}`);
      writeFileSync(file, text);
      const checked = pullgate(["check", "--json", file]);
      assert.equal(checked.status, 0, `${format}: ${checked.stdout}${checked.stderr}`);
      policies[format] = ["--policy", file];
    }
    policies.options = await optionsOf(page, folder);

    for (const [format, policy] of Object.entries(policies)) {
      const { stdout, stderr } = pullgate(["decide", "--json", "--no-dns", ...policy, ...references]);
      const lines = stdout.trim().split("\n");
      assert.equal(lines.length, references.length, `${format}: ${stdout}${stderr}`);
      for (const [index, reference] of references.entries()) {
        assert.deepEqual(form.decisionIn(lines[index]), shown[reference], `${format}: ${reference}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the options as split by a real shell, in a folder with a file that an unquoted `*` would match. */
async function optionsOf(page, folder) {
  writeFileSync(join(folder, "trap.example.com"), "");
  const { text } = await form.downloaded(page, "vic-machine");
  if (text.includes("--registry-ca")) {
    const { name, text: pem } = await form.downloaded(page, "vic-machine", "Download registry-ca.pem");
    writeFileSync(join(folder, name), pem);
  }
  const words = run(folder, "sh", ["-c", `printf '%s\\n' ${text}`]).split("\n");
  return words.map((word) => (word === "registry-ca.pem" ? join(folder, word) : word));
}
