// The page where a daemon serves it. What the daemon answers is made up here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { pullgate } from "./program.mjs";

const wasm = readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url));
const digest = createHash("sha256").update(wasm).digest("hex");
const policy = { whitelist: ["10.2.0.0/16"], match_resolved_addresses: true };

/** A daemon that decides as the command line does, with these facts as its DNS. */
const daemon = (more = {}, facts = ["harbor.example=10.2.3.4"]) => ({
  "v1/module": () => ({ sha256: digest, version: "0.1.0" }),
  "v1/policy": () => ({ generation: 7, sha256: "00", policy }),
  "v1/explain": ({ reference, policy: given, project }) => {
    const args = ["explain", "--json", "--no-dns", "--policy", "-", ...facts.flatMap((fact) => ["--fact", fact])];
    const onBehalf = project ? ["--project", project] : [];
    const { stdout } = pullgate([...args, ...onBehalf, reference], JSON.stringify(given ?? policy));
    return JSON.parse(stdout);
  },
  "v1/probe": ({ registry }) => ({
    registry,
    summary: `${registry} answers`,
    mood: "a member that the page does not know",
    attempts: [
      {
        scheme: "https",
        port: 443,
        address: "10.2.3.4",
        stages: [
          { stage: "dns", ok: true, detail: "10.2.3.4" },
          { stage: "tls", ok: false, detail: "certificate has expired" },
        ],
      },
      { stages: [{ stage: "v2" }] },
    ],
  }),
  ...more,
});
const check = (name, server, use) => test(name, { timeout: 60_000 }, () => withPage({ server }, use));
const footer = (page) => page.locator("footer");

check("the digest is of the bytes that were loaded, and the daemon's is the same", { daemon: daemon() }, async (page) => {
  await footer(page).getByText(digest).waitFor();
  await footer(page).getByText("As the package says").waitFor();
  await footer(page).getByText("The daemon runs the same module").waitFor();
});

check(
  "a daemon that runs another module",
  { daemon: daemon({ "v1/module": () => ({ sha256: "ab".repeat(32), version: "0.9.9" }) }) },
  async (page) => {
    await footer(page).getByText("The daemon (0.9.9) runs another module").waitFor();
  },
);

// The same module, with a custom section that says nothing at its end.
const altered = Buffer.concat([wasm, Buffer.from([0, 2, 1, 120])]);
const [wasmFile] = readdirSync(new URL("../../www/dist/assets/", import.meta.url)).filter((name) => name.endsWith(".wasm"));

check(
  "bytes that are not the package's are noticed, though they work",
  { daemon: daemon({ [`assets/${wasmFile}`]: () => ({ bytes: altered }) }) },
  async (page) => {
    await footer(page).getByText(createHash("sha256").update(altered).digest("hex")).waitFor();
    await footer(page).getByText("Not what the package says").waitFor();
    await footer(page).getByText("The daemon (0.1.0) runs another module").waitFor();
    assert.equal((await form.decisionOf(page, "10.2.3.4/app")).decision, "allow");
  },
);

check("no daemon", {}, async (page, { server }) => {
  await footer(page).getByText("No daemon serves this page").waitFor();
  assert.equal(await page.getByRole("switch", { name: /daemon/ }).count(), 0);
  await form.decisionOf(page, "alpine");
  assert.equal(await page.getByRole("button", { name: /Test connection/ }).count(), 0);
  assert.deepEqual(server.asked.filter(({ name }) => name.startsWith("v1/")).map(({ name }) => name), ["v1/module"]);
});

const pagesOnly = { "v1/module": () => ({ text: "<!doctype html>" }) };

check("a server that answers everything with a page is no daemon", { daemon: pagesOnly }, async (page) => {
  await footer(page).getByText("No daemon serves this page").waitFor();
});

check("under a path", { under: "/ui/registries/", daemon: daemon() }, async (page) => {
  await footer(page).getByText("The daemon runs the same module").waitFor();
});

check("its policy is where the form starts", { daemon: daemon() }, async (page) => {
  await page.locator("main").getByText("This is what the daemon decides by now (generation 7).").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "10.2.0.0/16");
});

test("its policy does not take the place of what was typed", { timeout: 60_000 }, async () => {
  let answer;
  const late = new Promise((resolve) => {
    answer = resolve;
  });
  const server = { daemon: daemon({ "v1/policy": () => late }) };
  await withPage({ server }, async (page) => {
    await form.field(page, 1).fill("mine.example");
    answer({ generation: 8, policy });
    await page.locator("main").getByText("The daemon has a policy (generation 8).").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "mine.example");
    await page.getByRole("button", { name: "Open it" }).click();
    await page.waitForFunction(() => document.querySelector("li.row input").value === "10.2.0.0/16");
  });
});

check("the daemon explains, with real DNS, by the policy in the form", { daemon: daemon() }, async (page, { server }) => {
  await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
  assert.equal((await form.decisionOf(page, "harbor.example/app")).decision, "allow");
  assert.deepEqual(server.asked.find(({ name }) => name === "v1/explain").body, { reference: "harbor.example/app", policy });
  assert.equal(await form.row(page, 1).getAttribute("data-lit"), "decides");
  // By hand, on demand.
  await page.locator("main").getByText("Ask the daemon, which asks the DNS").click();
  await page.getByLabel("Addresses of harbor.example").waitFor();
});

check(
  "a daemon that fails leaves the page to decide by itself",
  { daemon: daemon({ "v1/explain": () => ({ status: 500, text: "no" }) }), expectErrorsOf: ["v1/explain"] },
  async (page) => {
    await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
    assert.equal((await form.decisionOf(page, "harbor.example/app")).decision, "lookup");
    await page.locator("main").getByText("The daemon did not answer. This is what the page itself decides.").waitFor();
    await page.getByLabel("Addresses of harbor.example").waitFor();
  },
);

check("the connection is tested", { daemon: daemon() }, async (page, { server }) => {
  await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
  await form.decisionOf(page, "10.2.3.4:5000/app");
  await page.getByRole("button", { name: "Test connection to 10.2.3.4:5000" }).click();
  await page.locator(".probe").getByText("10.2.3.4:5000 answers").waitFor();
  await page.locator('.stages [data-ok="false"]').getByText("certificate has expired").waitFor();
  assert.deepEqual(server.asked.find(({ name }) => name === "v1/probe").body, { registry: "10.2.3.4:5000", policy });
});
