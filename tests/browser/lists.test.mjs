// Lists of real size: pasted from anywhere, searched, filtered, sorted, changed many at once, and quick with 20,000 rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 90_000 }, () => withPage({}, use));
const dialog = (page) => page.getByRole("dialog", { name: "Paste a list" });
const texts = (page) => form.rows(page).getByRole("textbox").evaluateAll((fields) => fields.map(({ value }) => value));
const insecure = (page) =>
  form.rows(page).evaluateAll((rows) => rows.map((row) => row.querySelector('input[value="insecure"]').checked));
const tools = (page) => form.registries(page).getByRole("group", { name: "Find and choose registries" });

for (const [name, text] of [
  ["commas", "a.example, b.example:5000, 10.0.0.0/8"],
  ["blanks", "a.example b.example:5000 10.0.0.0/8"],
  ["bullets", "- a.example\n- b.example:5000\n- 10.0.0.0/8\n"],
  ["numbers", "1. a.example\n2. b.example:5000\n3. 10.0.0.0/8"],
  ["CSV", "registry,owner\na.example,me\nb.example:5000,you\n10.0.0.0/8,\n"],
  ["a JSON array", '["a.example", "b.example:5000", "10.0.0.0/8"]'],
  ["a YAML list", "registries:\n  - a.example\n  - 'b.example:5000'\n  - 10.0.0.0/8\n"],
]) {
  check(`${name}, pasted into a row: a preview, and rows`, async (page) => {
    await form.field(page, 1).focus();
    await form.paste(page, text);
    await dialog(page).getByText("3 entries.").waitFor();
    await dialog(page).getByRole("button", { name: "Add 3 registries" }).click();
    assert.deepEqual(await texts(page), ["a.example", "b.example:5000", "10.0.0.0/8"]);
    await page.waitForFunction(() => document.activeElement.value === "10.0.0.0/8");
    await page.getByRole("button", { name: "Undo: 3 registries added" }).click();
    assert.deepEqual(await texts(page), [""]);
  });
}

check("the preview says what is wrong and what is here already, and how the registries are reached", async (page) => {
  await form.field(page, 1).fill("here.example");
  await tools(page).getByRole("button", { name: "Paste a list…" }).click();
  await dialog(page).getByLabel("List").fill("here.example, new.example, h.example:0 # the lab");
  await dialog(page).getByText("2 entries, 1 error to correct, 1 entry is here already and left out.").waitFor();
  await dialog(page).locator(".preview-error").getByText("is not a port").waitFor();
  await dialog(page).getByText("Insecure", { exact: true }).click();
  await dialog(page).getByRole("button", { name: "Add 2 registries" }).click();
  assert.deepEqual(await texts(page), ["here.example", "new.example", "h.example:0"]);
  assert.deepEqual(await insecure(page), [false, true, true]);
  await tools(page).getByRole("button", { name: "Paste a list…" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await dialog(page).count(), 0);
});

check("a private key in a list is not taken", async (page) => {
  await tools(page).getByRole("button", { name: "Paste a list…" }).click();
  await dialog(page).getByLabel("List").fill("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----");
  await dialog(page).getByText("That looked like a private key and was not taken.").waitFor();
  assert.equal(await dialog(page).getByLabel("List").inputValue(), "");
});

const MIXED = {
  whitelist: ["b.example", "h.example:0", "a.example:5000", { entry: "old.example", enabled: false, comment: "until March" }],
  insecure: ["c.example", "10.2.2/24", "d.example"],
};

check("search, filter and order; a row stays while it is corrected", async (page) => {
  await form.openText(page, JSON.stringify(MIXED));
  await form.status(page).getByText("2 errors").waitFor();
  const select = (label, option) => tools(page).getByLabel(label, { exact: true }).selectOption(option);
  await select("Show", "errors");
  await page.waitForFunction(() => document.querySelectorAll(".registries li.row").length === 2);
  assert.deepEqual(await texts(page), ["h.example:0", "10.2.2/24"]);
  await tools(page).getByText("2 of 7 registries").waitFor();
  await form.field(page, 1).fill("h.example:80");
  await form.status(page).getByText("1 error").waitFor();
  assert.deepEqual(await texts(page), ["h.example:80", "10.2.2/24"]);
  await select("Show", "insecure");
  await page.waitForFunction(() => document.querySelectorAll(".registries li.row").length === 3);
  await select("Show", "disabled");
  await page.waitForFunction(() => document.querySelectorAll(".registries li.row").length === 1);
  await tools(page).getByRole("button", { name: "Show all" }).click();
  await tools(page).getByLabel("Search").fill("MARCH");
  await page.waitForFunction(() => document.querySelectorAll(".registries li.row").length === 1);
  assert.deepEqual(await texts(page), ["old.example"]);
  await tools(page).getByRole("button", { name: "Show all" }).click();
  await select("Order", "by name");
  await page.waitForFunction(() => document.querySelector(".registries li.row input").value === "10.2.2/24");
  assert.deepEqual(await texts(page), ["10.2.2/24", "a.example:5000", "b.example", "c.example", "d.example", "h.example:80", "old.example"]);
  await select("Order", "problems first");
  await page.waitForFunction(() => document.querySelectorAll(".registries li.row input")[2].value !== "a.example:5000");
  assert.equal((await texts(page))[0], "10.2.2/24");
  // The order of the policy is not that of the view.
  const { whitelist } = JSON.parse((await form.openText(page, JSON.stringify(MIXED)), await form.formattedText(page, "JSON")));
  assert.deepEqual(whitelist, MIXED.whitelist);
});

check("several rows at once: disabled, insecure, removed, and each undone", async (page) => {
  await form.openText(page, JSON.stringify({ whitelist: ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"] }));
  await tools(page).getByRole("button", { name: "Select" }).click();
  for (const number of [2, 3]) await form.row(page, number).getByRole("checkbox", { name: `Select registry ${number}` }).check();
  const bar = page.locator(".selection");
  await bar.getByText("2 selected").waitFor();
  await bar.getByRole("button", { name: "Make insecure" }).click();
  assert.deepEqual(await insecure(page), [false, true, true, false, false, false]);
  await bar.getByRole("button", { name: "Disable" }).click();
  assert.equal(await form.registries(page).getByText("Disabled: counts as if it were not there.").count(), 2);
  await bar.getByRole("button", { name: "Enable" }).click();
  assert.equal(await form.registries(page).getByText("Disabled: counts as if it were not there.").count(), 0);
  await bar.getByRole("button", { name: "Remove" }).click();
  assert.deepEqual(await texts(page), ["a.example", "d.example", "e.example", "f.example"]);
  await page.getByRole("button", { name: "Undo: 2 registries removed" }).click();
  assert.equal(await form.rows(page).count(), 6);
  await bar.getByLabel("Select all shown").check();
  await bar.getByText("6 selected").waitFor();
  await bar.getByRole("button", { name: "Remove" }).click();
  assert.deepEqual(await texts(page), [""]);
});

check("all fixes at once", async (page) => {
  await form.field(page, 1).focus();
  await form.paste(page, "10.2.2/24\n10.3.3/24\nh.example:0\n10.0.0.1-10.0.0.2\nok.example");
  await form.status(page).getByText("4 errors").waitFor();
  await tools(page).getByRole("button", { name: "Correct all 3 that have a fix" }).click();
  await form.status(page).getByText("1 error").waitFor();
  assert.deepEqual(await texts(page), ["10.2.2.0/24", "10.3.3.0/24", "h.example:0", "10.0.0.1", "10.0.0.2", "ok.example"]);
  await page.getByRole("button", { name: "Undo: 3 registries corrected" }).click();
  assert.equal((await texts(page))[3], "10.0.0.1-10.0.0.2");
});

check("what a list says of a registry: enabled, a comment, another namespace", async (page) => {
  await form.field(page, 1).fill("harbor.example/team");
  await form.row(page, 1).getByRole("button", { name: "More about registry 1" }).click();
  await form.row(page, 1).getByLabel("Comment").fill("the team's");
  await form.row(page, 1).getByText("Enabled", { exact: true }).click();
  await form.row(page, 1).getByText("Disabled: counts as if it were not there.").waitFor();
  await form.row(page, 1).getByRole("button", { name: "Another namespace of this registry" }).click();
  await page.waitForFunction(() => document.activeElement.value === "harbor.example/");
  await page.keyboard.press("End");
  await page.keyboard.type("ops");
  await page.locator("pre").getByText("harbor.example/ops").first().waitFor();
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")).whitelist, [
    { entry: "harbor.example/team", enabled: false, comment: "the team's" },
    "harbor.example/ops",
  ]);
});

check("blocked and built-in registries, and the rules besides", async (page) => {
  await form.field(page, 1).fill("*.example");
  await page.getByRole("button", { name: "Block a registry" }).click();
  await page.getByRole("textbox", { name: "Blocked registry 1" }).fill("evil.example");
  await page.getByRole("button", { name: "Add a built-in registry" }).click();
  await page.getByRole("textbox", { name: "Built-in registry 1" }).fill("vic.example");
  await page.getByText("Names match by their addresses", { exact: true }).click();
  await page.getByRole("button", { name: "Add a project" }).click();
  await page.getByLabel("Name of the project").fill("blue");
  await page.getByRole("button", { name: "Block a registry" }).click();
  await page.getByRole("textbox", { name: "Blocked registry 1" }).fill("no.example/team");
  await page.getByLabel("Projects that are not listed").selectOption("are decided by the lists for every request");
  await page.getByLabel("Lists for").selectOption("every request");
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.deepEqual(JSON.parse((await form.downloaded(page, "JSON")).text), {
    whitelist: ["*.example"],
    blocked: ["evil.example"],
    built_in: ["vic.example"],
    match_resolved_addresses: true,
    projects: { blue: { whitelist: [], blocked: ["no.example/team"] } },
    unlisted_projects: "global",
  });
  assert.equal((await form.decisionOf(page, "evil.example/app")).decision, "deny");
  assert.equal(await page.locator('.blocked .row[data-highlight="decides"]').count(), 1);
});

check("arrow keys lead from row to row", async (page) => {
  await form.openText(page, '{"whitelist": ["a.example", "b.example"]}');
  await form.field(page, 1).focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement.value === "b.example");
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction(() => document.activeElement.value === "a.example");
});

const MANY = JSON.stringify({
  whitelist: Array.from({ length: 20_000 }, (_, index) =>
    index % 5 === 0 ? `10.${index >> 8}.${index & 255}.0/24` : `h${index}.registry${index % 97}.example.com:${5000 + (index % 10)}`,
  ),
});

check("20,000 rows: a key shows at once what is wrong with its row, and the whole policy is checked in a pause", async (page) => {
  // The policy is checked in the background, by a module of its own.
  const worker = page.waitForEvent("worker");
  await form.openText(page, MANY);
  assert.match((await worker).url(), /checkWorker/);
  await form.status(page).getByText(/warning|No errors/).waitFor();
  await form.field(page, 1).focus();
  // One task from the key to its finding, in which the module does not check the other rows.
  const text = await page.evaluate(() => {
    const input = document.activeElement;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, `${input.value}!`);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return new Promise((resolve) =>
      requestAnimationFrame(() => resolve(document.querySelector(".registries .finding")?.textContent ?? "")),
    );
  });
  assert.match(text, /^Error:/);
  assert.ok((await form.rows(page).count()) < 60);
  await form.status(page).getByText("1 error").waitFor();
});

test("a browser that starts no worker checks a large policy all the same", { timeout: 90_000 }, () => {
  const init = () => {
    window.Worker = class extends EventTarget {
      constructor() {
        super();
        setTimeout(() => this.dispatchEvent(new Event("error")));
      }
      postMessage() {}
      terminate() {}
    };
  };
  return withPage({ init }, async (page) => {
    await form.openText(page, MANY.replace("h1.registry1.example.com:5001", "h1.registry1.example.com:0"));
    await form.status(page).getByText("1 error").waitFor();
    await form.registries(page).getByRole("textbox", { name: /^Registry 2: / }).fill("h1.registry1.example.com:1");
    await form.status(page).getByText(/warning|No errors/).waitFor();
  });
});
