// Open, edit, save: nothing is lost, and notes name what a format cannot express.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));

const POLICY = {
  whitelist: ["10.2.40.40:443", { entry: "*.old.example", enabled: false, comment: "back in March" }],
  insecure: [{ entry: "10.2.2.0/24", comment: "the lab" }],
  certificate_authorities: [{ pem: form.certificate("ca.pem") + form.certificate("other-ca.pem"), registries: ["10.2.40.40"] }],
  built_in: ["vic.example"],
  match_resolved_addresses: true,
  projects: { blue: { whitelist: ["b.example"] } },
  image_fetch_proxy: { http: "http://proxy.example:3128" },
};

for (const format of ["JSON", "TOML"]) {
  check(`${format}: what the form does not show is kept through an edit`, async (page) => {
    await form.openText(page, JSON.stringify(POLICY));
    await page.locator("main").getByText("The policy is open.").waitFor();
    const { text } = await form.downloaded(page, format);
    await form.openText(page, text);
    const rules = page.getByRole("region", { name: "Further rules" });
    await rules.getByText("The image fetch proxy of the opened policy").waitFor();
    await form.setMode(page, false);
    await form.setMode(page, true);
    assert.equal(await rules.getByRole("switch", { name: "Names match by their addresses" }).isChecked(), true);
    assert.equal(await rules.getByRole("textbox", { name: "Built-in registry 1" }).inputValue(), "vic.example");
    assert.deepEqual(await page.getByLabel("Lists for").locator("option").allInnerTexts(), ["every request", "project blue"]);
    await form.row(page, 2).getByText("Disabled: counts as if it were not there.").waitFor();
    await form.row(page, 2).getByText("back in March").waitFor();
    await form.field(page, 1).fill("10.2.40.41:443");
    const changed = structuredClone(POLICY);
    changed.whitelist[0] = "10.2.40.41:443";
    await page.locator("pre").getByText("10.2.40.41:443").first().waitFor();
    assert.deepEqual(JSON.parse((await form.downloaded(page, "JSON")).text), changed);
  });
}

check("a bundle stays one authority, and loses only the certificate that is removed", async (page) => {
  await form.openText(page, JSON.stringify(POLICY));
  await page.locator(".certificate").nth(1).waitFor();
  assert.equal(await page.locator(".authority").count(), 1);
  assert.equal(await page.locator(".certificate").count(), 2);
  await page.locator(".certificate").first().getByRole("button").first().click();
  await page.waitForFunction(() => document.querySelectorAll(".certificate").length === 1);
  const [{ pem, registries }] = JSON.parse(await form.formattedText(page, "JSON")).certificate_authorities;
  assert.deepEqual([pem.match(/BEGIN CERTIFICATE/g).length, registries], [1, ["10.2.40.40"]]);
});

check("a disabled entry can be enabled", async (page) => {
  await form.openText(page, JSON.stringify(POLICY));
  await form.row(page, 2).getByRole("button", { name: "Enable" }).click();
  await page.waitForFunction(() => !document.querySelector(".row[data-disabled]"));
  const { whitelist } = JSON.parse(await form.formattedText(page, "JSON"));
  assert.deepEqual(whitelist[1], { entry: "*.old.example", comment: "back in March" });
});

check("formats of VIC say what they leave out", async (page) => {
  await form.openText(page, JSON.stringify(POLICY));
  const notes = async (format) => {
    await form.formattedText(page, format);
    return (await form.output(page).locator(".format-notes li").allInnerTexts()).map((note) => note.trim());
  };
  const both = [
    "Here 1 certificate authority that is limited to registries would count for all of them.",
    "1 disabled entry is left out.",
    "2 comments are left out.",
    "built_in is left out.",
    "match_resolved_addresses is left out.",
    "projects is left out.",
  ];
  assert.deepEqual(await notes("REST JSON"), both);
  assert.deepEqual(await notes("vic-machine"), [...both, "image_fetch_proxy is left out."]);
  assert.deepEqual(await notes("TOML"), []);
  assert.deepEqual(await notes("JSON"), []);
});

check("the options line, and a whole command with it", async (page) => {
  await form.openText(
    page,
    "vic-machine-linux create --name vch1 --target 'admin:S3cret@vc' --password S3cret --whitelist-registry=10.2.40.40:443 \\\n  --dir '*.example.com' --registry-ca corp.pem",
  );
  await page.locator("main").getByText("Add them under “Additional registry certificates”: corp.pem").waitFor();
  await page.locator("main").getByText("left out: --name --target --password").first().waitFor();
  await form.announcements(page).getByText("left out: --name --target --password").waitFor({ state: "attached" });
  assert.equal((await page.content()).includes("S3cret"), false);
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), {
    whitelist: ["10.2.40.40:443"],
    insecure: ["*.example.com"],
  });
  const { text } = await form.downloaded(page, "vic-machine");
  await form.openText(page, text);
  assert.equal(await form.formattedText(page, "vic-machine"), text);
});

check("with whitelist mode off, ports stand in their own field", async (page) => {
  const insecure = ["*.example.com", "192.168.100.207:5000", "[2001:db8::1]:5000", "10.0.0.0/8"];
  await form.openText(page, JSON.stringify({ insecure }));
  await page.waitForFunction(() => document.querySelectorAll("li.row").length === 4);
  assert.equal(await form.field(page, 3).inputValue(), "2001:db8::1");
  assert.equal(await form.row(page, 3).getByRole("textbox").nth(1).inputValue(), "5000");
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), { insecure });
});

check("an unreadable policy leaves the form unchanged, and its errors have a location", async (page) => {
  await form.field(page, 1).fill("keep.example");
  await form.openText(page, '{"whitelist": ["a"], "whitelst": []}');
  await page.locator("main").getByText("This could not be opened, and the form is as it was:").waitFor();
  await page.locator(".notice").getByText("/whitelst").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "keep.example");
  await form.openText(page, "whitelist = [ # a comment\n  'a.example', # another\n]\n");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Open…");
  await page.locator("main").getByText("2 comments that begin with # cannot be kept").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "a.example");
});

check("another program's file is called what it is, in one line", async (page) => {
  await form.field(page, 1).fill("keep.example");
  for (const [text, line] of [
    ['{"insecure-registries": ["10.0.0.1:5000"], "log-driver": "journald"}', "this is the daemon.json of Docker Engine: "],
    ["whitelist:\n  - docker.io\n", "this is YAML: "],
    ["[[registry]]\nlocation = 'lab.example'\n", "this is a registries.conf of Podman, Skopeo and CRI-O: "],
    ["dockerd --insecure-registry lab.example", "this is a command line of dockerd: "],
  ]) {
    await form.openText(page, text);
    await page.locator(".notice").getByText(line).waitFor();
    assert.equal(await page.locator(".notice li").count(), 1, text);
    await page.locator(".notice").getByText("names registries in whitelist and insecure").waitFor();
  }
  await form.openText(page, '["quay.io"]');
  await page.locator(".notice").getByText("this must be an object, not an array").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "keep.example");
});

check("what is said of unlisted projects is kept", async (page) => {
  const policy = { whitelist: ["a.example"], projects: { blue: {} }, unlisted_projects: "global" };
  await form.openText(page, JSON.stringify(policy));
  await page.waitForFunction(() => document.querySelector(".settings select")?.value === "global");
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), policy);
  const { text } = await form.downloaded(page, "TOML");
  await form.openText(page, text);
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), policy);
});

check("copying gives the text that is shown", async (page) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await form.field(page, 1).fill("*.example.com");
  await page.locator("pre").getByText("*.example.com").waitFor();
  await form.output(page).getByRole("button", { name: "Copy" }).click();
  await form.output(page).getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, "--whitelist-registry '*.example.com'\n");
});

check("the current values are copied and downloaded, though an older text is shown", async (page) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await form.typeRegistries(page, [["old.example", "Secure"]]);
  await page.locator("pre").getByText("old.example").waitFor();
  // In one task: nothing is rendered between the key press and the button.
  const typeAndPress = (text, button) =>
    form.field(page, 1).evaluate((input, [text, button]) => {
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
      input.dispatchEvent(new Event("input", { bubbles: true }));
      [...document.querySelectorAll(".output button")].find(({ textContent }) => textContent === button).click();
    }, [text, button]);
  await typeAndPress("new.example", "Copy");
  await form.output(page).getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "--whitelist-registry new.example\n");
  const waiting = page.waitForEvent("download");
  await typeAndPress("newer.example", "Download");
  assert.equal(readFileSync(await (await waiting).path(), "utf8"), "--whitelist-registry newer.example\n");
});

check("a blank entry is not lost in silence", async (page) => {
  await form.openText(page, '{"whitelist": ["a.example", ""]}');
  await page.locator(".notice").getByText("/whitelist/1").waitFor();
});

check("files that cannot be opened are said", async (page) => {
  await page.getByRole("button", { name: "Open…" }).click();
  await form.dropFiles(page.locator(".open-panel .drop-zone"), [["a.json", "{}"], ["b.json", "{}"]]);
  await page.locator(".notice").getByText("one file is opened at a time").waitFor();
  await form.dropFiles(page.locator(".open-panel .drop-zone"), [["unreadable"]]);
  await page.locator(".notice").getByText("unreadable could not be read.").waitFor();
  await form.dropFiles(page.locator(".open-panel .drop-zone"), [["a.json", '{"whitelist": ["a.example"]}']]);
  await page.locator(".notice").getByText("The policy is open.").waitFor();
});
