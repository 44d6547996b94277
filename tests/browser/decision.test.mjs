// *Try an image*: the decision with its explanation, the deciding entry, and typed DNS answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));
const tryOut = (page) => page.getByRole("region", { name: "Try an image" });

check("the entry that decided is lit up, and can be gone to", async (page) => {
  await form.typeRegistries(page, [["a.example", "Secure"], ["10.2.0.0/16", "Insecure"], ["b.example", "Secure"]]);
  assert.equal((await form.decisionOf(page, "b.example/app")).decision, "allow");
  assert.equal(await form.row(page, 3).getAttribute("data-highlight"), "decides");
  await form.row(page, 3).getByText("Decides").waitFor();
  await form.decisionOf(page, "10.2.2.5:5000/app");
  // The second row is the first of the insecure list.
  await form.row(page, 2).locator("xpath=self::*[@data-highlight='decides']").waitFor();
  assert.equal(await form.row(page, 3).getAttribute("data-highlight"), null);
  await tryOut(page).getByRole("button", { name: "Show the entry" }).click();
  await page.waitForFunction(() => document.activeElement.value === "10.2.0.0/16");
});

check("a denial names the entry that came nearest, and gives the steps", async (page) => {
  await form.typeRegistries(page, [["10.2.40.40:443", "Secure"]]);
  assert.equal((await form.decisionOf(page, "10.2.40.40:5000/app")).decision, "deny");
  assert.equal(await form.row(page, 1).getAttribute("data-highlight"), "nearest");
  const denied = "access to registry 10.2.40.40:5000 is denied: no entry of the whitelist covers it";
  await tryOut(page).locator(".verdict").getByText(denied).waitFor();
  const steps = await tryOut(page).locator(".steps li").allInnerTexts();
  assert.match(steps[0], /^repository app on registry 10\.2\.40\.40:5000$/);
  assert.match(steps.at(-2), /^denied/);
  // What does not match comes last.
  assert.match(steps.at(-1), /^10\.2\.40\.40:443: it is the same address, but it covers port 443 only/);
});

check("of many entries, the one that decided comes first, and those that do not match are folded away", async (page) => {
  const whitelist = Array.from({ length: 40 }, (_, index) => `host-${index}.example`);
  await form.openText(page, JSON.stringify({ whitelist }));
  await form.decisionOf(page, "host-39.example/app");
  await tryOut(page).getByText("39 entries that do not match").click();
  await tryOut(page).locator(".steps details li").nth(38).waitFor();
  assert.match(await tryOut(page).locator(".steps > li").first().innerText(), /^host-39\.example: /);
  assert.equal(await form.row(page, 40).getAttribute("data-highlight"), "decides");
});

check("typed DNS answers: only the needed queries are shown, step by step", async (page) => {
  await form.typeRegistries(page, [["*.corp.example", "Secure"]]);
  assert.equal((await form.decisionOf(page, "10.1.2.3/app")).decision, "lookup");
  assert.equal(await tryOut(page).getByLabel(/^(Names|Addresses) of/).count(), 1);
  await tryOut(page).getByLabel("Names of 10.1.2.3").fill("harbor.corp.example");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.labels?.[0]?.textContent === "Addresses of harbor.corp.example");
  await tryOut(page).getByLabel("Addresses of harbor.corp.example").fill("10.1.2.3, 10.1.2.4");
  await tryOut(page).getByRole("button", { name: "Use", exact: true }).click();
  await tryOut(page).getByText("Allowed", { exact: true }).waitFor();
  assert.equal(await form.row(page, 1).getAttribute("data-highlight"), "decides");
  // Without the second answer it is undecided again. An empty answer counts too.
  await tryOut(page).getByRole("button", { name: "Forget: Addresses of harbor.corp.example" }).click();
  await tryOut(page).getByRole("button", { name: "There is none" }).click();
  await tryOut(page).getByText("Denied", { exact: true }).waitFor();
});

check("messages speak of the fields of the form", async (page) => {
  await form.typeRegistries(page, [["10.2.40.40", "Secure"], ["harbor.local", "Secure"]]);
  const warning = page.locator(".finding").getByText("“Additional registry certificates”").first();
  await warning.waitFor();
  assert.equal((await page.locator("main").innerText()).includes("certificate_authorities"), false);
  await form.field(page, 1).fill("10.0.0.0/8");
  assert.equal((await form.decisionOf(page, "h.example/app")).decision, "deny");
  await tryOut(page).getByText("since “Names match by their addresses” is not set").first().waitFor();
});

check("names by their addresses: the addresses that must be connected to are shown", async (page) => {
  await form.openText(page, '{"whitelist": ["10.2.0.0/16"], "match_resolved_addresses": true}');
  assert.equal((await form.decisionOf(page, "harbor.example/app")).decision, "lookup");
  await tryOut(page).getByLabel("Addresses of harbor.example").fill("10.2.9.9");
  await page.keyboard.press("Enter");
  await tryOut(page).getByRole("heading", { name: "Only at these addresses" }).waitFor();
  await tryOut(page).locator(".plain-list").getByText("10.2.9.9").waitFor();
});

check("a login, and a project", async (page) => {
  const policy = { whitelist: ["a.example/team"], projects: { blue: { whitelist: ["b.example"] }, "5": {} } };
  await form.openText(page, JSON.stringify(policy));
  assert.deepEqual(await page.getByLabel("Lists for").locator("option").allInnerTexts(), ["every request", "project 5", "project blue"]);
  await tryOut(page).getByText("A login", { exact: true }).click();
  assert.equal((await form.decisionOf(page, "https://a.example/")).decision, "allow");
  await tryOut(page).getByText("One image", { exact: true }).click();
  assert.equal((await form.decisionOf(page, "b.example/app")).decision, "deny");
  await tryOut(page).getByLabel("Project", { exact: true }).selectOption("blue");
  await tryOut(page).getByText("Allowed", { exact: true }).waitFor();
  // The project's entry has no row.
  assert.equal(await page.locator(".row[data-highlight]").count(), 0);
});

check("a policy with an error decides nothing, and says so", async (page) => {
  await form.typeRegistries(page, [["h.example:0", "Secure"]]);
  await page.getByLabel("Image or registry").fill("h.example/app");
  await tryOut(page).getByText("A policy with 1 error decides nothing. Correct it first.").waitFor();
  assert.equal(await page.locator(".decision").count(), 0);
});

test("a module that fails while it loads the policy: there is no decision, and that is said", { timeout: 60_000 }, () =>
  withPage({ init: form.trapOnDemand }, async (page) => {
    await page.evaluate(() => void (window.trap = "policy_load"));
    await form.field(page, 1).fill("a.example");
    await page.getByLabel("Image or registry").fill("a.example/app");
    await tryOut(page).getByText("The policy could not be checked, so there is no decision.").waitFor();
    await page.evaluate(() => void (window.trap = undefined));
    assert.equal((await form.decisionOf(page, "a.example/other")).decision, "allow");
  }),
);
