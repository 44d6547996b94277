// Certificates by file, drop and paste; their cards; and that no private key is kept.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));
const section = (page) => page.getByRole("region", { name: "Additional registry certificates" });
const cards = (page) => section(page).locator(".authority");
const files = (page) => section(page).locator('input[type="file"]');

function file(name, text = form.certificate(name)) {
  return { name, mimeType: "application/x-pem-file", buffer: Buffer.from(text) };
}

check("files from the dialog, several at once, each certificate a card", async (page) => {
  const both = form.certificate("other-ca.pem") + form.certificate("expired.pem");
  await files(page).setInputFiles([file("ca.pem"), file("both.pem", both)]);
  await cards(page).nth(2).waitFor();
  assert.equal(await cards(page).count(), 3);
  const card = cards(page).first();
  await card.getByText("Issued by itself").waitFor();
  const input = form.certificate("ca.pem");
  const printed = execFileSync("openssl", ["x509", "-noout", "-fingerprint", "-sha256"], { input, encoding: "utf8" });
  assert.ok((await card.locator(".fingerprint").innerText()).includes(printed.split("=")[1].trim()));
  assert.match(await card.getByRole("img").getAttribute("aria-label"), /^Valid from .* to .*Today, .* % of that time is over\.$/);
  // An expired certificate is marked, and so is its bar.
  await cards(page).nth(2).locator('.finding[data-code="certificate-expired"]').waitFor();
  assert.match(await cards(page).nth(2).getByRole("img").getAttribute("aria-label"), /is after that\.$/);
  await cards(page).nth(2).getByRole("button", { name: /^Remove the certificate/ }).click();
  await form.status(page).getByText(/^No errors/).waitFor();
  // The focus is on the next card.
  await page.waitForFunction(() => document.activeElement.matches(".authority:nth-child(2) .certificate-remove"));
  assert.equal(JSON.parse(await form.formattedText(page, "JSON")).certificate_authorities.length, 2);
});

check("dropped files and dropped text", async (page) => {
  const box = section(page).locator(".drop-zone");
  await form.dropFiles(box, [["unreadable"], ["ca.pem", form.certificate("ca.pem")]]);
  await cards(page).first().waitFor();
  await section(page).locator(".notice").getByText("unreadable could not be read.").waitFor();
  await box.evaluate((target, text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/plain", text);
    target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, form.certificate("other-ca.pem"));
  await cards(page).nth(1).waitFor();
});

check("text may be dragged into a field, and a file is opened by no browser", async (page) => {
  const isKept = (asFile) =>
    form.field(page, 1).evaluate((target, asFile) => {
      const dataTransfer = new DataTransfer();
      if (asFile) dataTransfer.items.add(new File(["x"], "x.pem"));
      else dataTransfer.setData("text/plain", "x");
      return target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }, asFile);
  assert.deepEqual([await isKept(false), await isKept(true)], [true, false]);
});

check("several registries for a limit: a range of addresses, and pasted lines", async (page) => {
  await files(page).setInputFiles([file("ca.pem")]);
  await cards(page).getByText("Only for certain registries").click();
  const limit = (number) => cards(page).getByLabel(new RegExp(`^Registry ${number} that`));
  await limit(1).fill("10.0.0.1-10.0.0.3");
  await cards(page).getByRole("button", { name: "Split into 2 entries" }).click();
  await page.waitForFunction(() => document.activeElement.value === "10.0.0.1");
  await form.paste(page, "a.example\nb.example\n");
  await page.waitForFunction(() => document.activeElement.value === "b.example");
  await form.output(page).getByRole("tab", { name: "JSON", exact: true }).click();
  await page.locator("pre").getByText("b.example").waitFor();
  const [{ registries }] = JSON.parse(await form.formattedText(page, "JSON")).certificate_authorities;
  assert.deepEqual(registries, ["10.0.0.1", "a.example", "b.example", "10.0.0.2/31"]);
});

check("pasted text is taken at once, and the same not again", async (page) => {
  await section(page).getByLabel("Paste certificates").focus();
  await form.paste(page, form.certificate("ca.pem"));
  await cards(page).first().waitFor();
  assert.equal(await section(page).getByLabel("Paste certificates").inputValue(), "");
  await form.paste(page, form.certificate("ca.pem"));
  await section(page).getByText("1 certificate of Pasted text was here already.").waitFor();
  assert.equal(await cards(page).count(), 1);
});

check("files without a certificate are named and rejected", async (page) => {
  const request = form.certificate("request.pem");
  await files(page).setInputFiles([file("request.pem", request), file("note.txt", "hello")]);
  await section(page).getByText("Not taken from request.pem:").waitFor();
  await section(page).locator('.finding[data-code="certificate-request"]').waitFor();
  await section(page).locator('.finding[data-code="certificate-none"]').waitFor();
  assert.equal(await cards(page).count(), 0);
  await section(page).getByRole("button", { name: "Dismiss" }).click();
  assert.equal(await section(page).locator(".notice").count(), 0);
});

check("limited to registries, with errors at the field; and no effect is a warning", async (page) => {
  await form.typeRegistries(page, [["harbor.corp.example", "Secure"]]);
  await files(page).setInputFiles([file("ca.pem")]);
  await cards(page).getByText("Only for certain registries").click();
  const limit = cards(page).getByLabel(/^Registry 1 that/);
  await limit.fill("harbor.corp.example:0");
  await cards(page).getByText("0 is not a port").waitFor();
  assert.deepEqual(await cards(page).locator("mark").allInnerTexts(), ["0"]);
  await limit.fill("elsewhere.example");
  await cards(page).locator('.finding[data-code="authority-without-effect"]').waitFor();
  await limit.fill("harbor.corp.example");
  await form.status(page).getByText("No errors", { exact: true }).waitFor();
  const [authority] = JSON.parse(await form.formattedText(page, "JSON")).certificate_authorities;
  assert.deepEqual(authority.registries, ["harbor.corp.example"]);
  await form.output(page).getByRole("tab", { name: "vic-machine" }).click();
  await form.output(page).getByText("limited to registries would count for all of them").waitFor();
});

check("a private key is never shown, kept or given away", async (page) => {
  const secret = execFileSync("openssl", ["ecparam", "-genkey", "-name", "prime256v1", "-noout"], { encoding: "utf8" });
  const bytes = secret.split("\n")[1];
  assert.ok(bytes.length > 40);
  const nowhere = async (where) => {
    const everything = await page.evaluate(() =>
      [
        document.documentElement.outerHTML,
        ...[...document.querySelectorAll("input, textarea")].map(({ value }) => value),
        JSON.stringify({ ...localStorage, ...sessionStorage }),
        location.href,
      ].join("\n"),
    );
    assert.equal(everything.includes(bytes), false, where);
    assert.equal(everything.includes("PRIVATE KEY-----"), false, where);
  };
  const box = section(page).getByLabel("Paste certificates");
  await box.focus();
  await form.paste(page, secret);
  await section(page).getByText("Pasted text had a private key in it.").waitFor();
  await nowhere("pasted");
  await box.fill(secret);
  await nowhere("typed");
  await files(page).setInputFiles([file("mixed.pem", form.certificate("ca.pem") + secret)]);
  await section(page).getByText("mixed.pem had a private key in it.").waitFor();
  await cards(page).first().waitFor();
  await nowhere("with a certificate");
  await form.field(page, 1).focus();
  await form.paste(page, secret);
  await form.row(page, 1).getByText("That looked like a private key and was not taken.").waitFor();
  await nowhere("pasted into a registry");
  await form.field(page, 1).fill(secret);
  await nowhere("typed into a registry");
  await page.getByLabel("Image or registry").fill(secret);
  await nowhere("typed as a reference");
  // Text with a private key is submitted without a click.
  await page.getByRole("button", { name: "Open…" }).click();
  await page.getByLabel("Or paste it").fill(`pem = """\n${secret}`);
  await page.locator("main").getByText("This could not be opened, and the form is as it was:").waitFor();
  await nowhere("opened and not understood");
  await page.getByLabel("Or paste it").fill(JSON.stringify({ whitelist: [{ entry: "a.example", comment: secret }] }));
  await page.locator(".notice").getByText("there is a private key in it").waitFor();
  await nowhere("opened as a comment");
  const authorities = [{ pem: secret + form.certificate("ca.pem") }];
  await page.getByLabel("Or paste it").fill(JSON.stringify({ whitelist: [], certificate_authorities: authorities }));
  await page.locator("main").getByText("1 private key was in it, and left out.").waitFor();
  await nowhere("opened");
  for (const format of ["vic-machine", "REST JSON", "TOML", "JSON"]) {
    assert.equal((await form.downloaded(page, format)).text.includes(bytes), false, format);
  }
  await form.openText(page, '{"whitelist": ["10.0.0.0/8"], "match_resolved_addresses": true}');
  await page.getByLabel("Image or registry").fill("h.example/app");
  await page.getByLabel("Addresses of h.example").fill(secret);
  await page.locator(".dns").getByText("That looked like a private key and was not taken.").waitFor();
  await nowhere("typed as an answer of DNS");
});
