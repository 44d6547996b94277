// The page served by a daemon, with canned responses.

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

/** Returns a daemon that decides as the command line does, with these DNS answers. */
const daemon = (more = {}, dnsAnswers = ["harbor.example=10.2.3.4"]) => ({
  "v1/module": () => ({ sha256: digest, version: "0.1.0" }),
  "v1/policy": () => ({ generation: 7, sha256: "00", policy }),
  "v1/daemon": () => ({ version: "0.1.0", enforcement: { docker: "deny", containerd: "deny", kubernetes: "deny" } }),
  "v1/explain": ({ reference, kind, policy: given, project, dnsAnswers: typed }) => {
    const known = [...dnsAnswers, ...typed.map(({ subject, answers }) => `${subject}=${answers.join(",")}`)];
    const args = ["explain", "--json", "--no-dns", "--policy", "-", ...known.flatMap((dnsAnswer) => ["--dns-answer", dnsAnswer])];
    const onBehalf = project ? ["--project", project] : [];
    const { stdout } = pullgate([...args, ...onBehalf, ...(kind === "registry" ? ["--login"] : []), reference], JSON.stringify(given ?? policy));
    return { bytes: stdout, type: "application/json" };
  },
  "v1/probe": ({ registry }) => ({
    registry,
    decision: { decision: "allow" },
    summary: `\`${registry}\` answers`,
    ok: true,
    protocol: "v2 over HTTPS with token authentication",
    mood: "a member that the page does not know",
    attempts: [
      {
        scheme: "https",
        host: "registry-1.docker.io",
        port: 443,
        address: "10.2.3.4",
        verified: true,
        stages: [
          { stage: "dns", ok: true, detail: "10.2.3.4", milliseconds: 3 },
          { stage: "tls", ok: true, detail: "TLS 1.3", milliseconds: 20 },
          { stage: "token", ok: true, detail: "auth.example gives tokens", milliseconds: 12 },
        ],
        chain: [{ subject: "CN=harbor", issuer: "CN=Example CA", notAfter: "2027-01-02T03:04:05Z", sha256: "ab".repeat(32) }],
        vouchedBy: { subject: "CN=Example CA", sha256: "cd".repeat(32), source: "policy" },
        protocol: "v2 over HTTPS with token authentication",
        elsewhere: [
          {
            registry: "auth.example",
            decision: { decision: "allow" },
            ok: false,
            summary: "no registry was reached",
            attempts: [
              {
                scheme: "https",
                port: 8443,
                verified: false,
                stages: [{ stage: "tls", ok: false, detail: "certificate has expired", milliseconds: 4 }],
                chain: [],
              },
            ],
          },
        ],
      },
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

// The same module, with an empty custom section at its end.
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
  assert.deepEqual(server.requests.filter(({ name }) => name.startsWith("v1/")).map(({ name }) => name), ["v1/module"]);
});

const enforcement = (frontends) => ({ "v1/daemon": () => ({ enforcement: frontends }) });
const NOTHING_ENFORCED = /^Nothing is enforced for/;

check("a daemon that enforces nothing in some frontends", { daemon: daemon(enforcement({ docker: "audit", containerd: "deny", kubernetes: "audit" })) }, async (page) => {
  await page.getByText("Nothing is enforced for Docker Engine and Kubernetes: everything is allowed there").waitFor();
});

check("a daemon that enforces what it denies", { daemon: daemon() }, async (page) => {
  await footer(page).getByText("The daemon runs the same module").waitFor();
  assert.equal(await page.getByText(NOTHING_ENFORCED).count(), 0);
});

check("an older daemon, which does not say what it enforces", { daemon: daemon({ "v1/daemon": () => ({}) }) }, async (page) => {
  await footer(page).getByText("The daemon runs the same module").waitFor();
  assert.equal(await page.getByText(NOTHING_ENFORCED).count(), 0);
});

const pagesOnly = { "v1/module": () => ({ text: "<!doctype html>" }) };

check("a server that answers everything with a page is no daemon", { daemon: pagesOnly }, async (page) => {
  await footer(page).getByText("No daemon serves this page").waitFor();
});

check("under a path", { under: "/ui/registries/", daemon: daemon() }, async (page) => {
  await footer(page).getByText("The daemon runs the same module").waitFor();
});

check("the form starts with the daemon's policy", { daemon: daemon() }, async (page) => {
  await page.locator("main").getByText("This is what the daemon decides by now (generation 7).").waitFor();
  assert.equal(await form.field(page, 1).inputValue(), "10.2.0.0/16");
});

test("the daemon's policy does not replace typed entries", { timeout: 60_000 }, async () => {
  let answer;
  const late = new Promise((resolve) => {
    answer = resolve;
  });
  const server = { daemon: daemon({ "v1/policy": () => late }) };
  await withPage({ server }, async (page) => {
    await form.field(page, 1).fill("mine.example");
    answer({ generation: 8, policy });
    await page.locator("main").getByText("The daemon decides by another policy (generation 8).").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "mine.example");
    await page.getByRole("button", { name: "Open the daemon’s" }).click();
    await page.waitForFunction(() => document.querySelector("li.row input").value === "10.2.0.0/16");
  });
});

check("the daemon explains, with real DNS, by the policy in the form", { daemon: daemon() }, async (page, { server }) => {
  await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
  assert.equal((await form.decisionOf(page, "harbor.example/app")).decision, "allow");
  assert.deepEqual(server.requests.find(({ name }) => name === "v1/explain").body, {
    reference: "harbor.example/app",
    kind: "image",
    dnsAnswers: [],
    policy,
  });
  assert.equal(await form.row(page, 1).getAttribute("data-highlight"), "decides");
  // The page decides itself on demand.
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
  await page.locator('.probe-summary[data-ok="true"]').getByText("The connection works").waitFor();
  const report = page.locator(".probe > .probe-report");
  for (const text of [
    "HTTPS on port 443 of registry-1.docker.io, 10.2.3.4 certificate must be verified",
    "Find the addresses worked 10.2.3.4 3 ms",
    "Ask where tokens come from worked auth.example gives tokens 12 ms",
    "Vouched for by the policy’s CN=Example CA",
    "Speaks v2 over HTTPS with token authentication",
    "CN=harbor, issued by CN=Example CA, valid until Jan 2, 2027",
  ]) {
    await report.getByText(text, { exact: true }).or(report.locator("li, p", { hasText: text })).first().waitFor();
  }
  // A referred host has its own report.
  const there = report.locator(".elsewhere");
  await there.locator('.probe-summary[data-ok="false"]').getByText("The connection does not work").waitFor();
  await there.locator('.stages [data-ok="false"]').getByText("certificate has expired").waitFor();
  await form.announcements(page).getByText("The connection works. `10.2.3.4:5000` answers").waitFor();
  assert.deepEqual(server.requests.find(({ name }) => name === "v1/probe").body, { registry: "10.2.3.4:5000", policy });
  // A report belongs to one policy.
  await form.field(page, 1).fill("10.2.0.0/15");
  await report.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Test connection to 10.2.3.4:5000" }).waitFor();
  assert.equal(await page.locator(".probe-report").count(), 0);
  await page.locator("main").getByText("The daemon decides by another policy (generation 7).").waitFor();
});

const withProjects = { whitelist: ["a.example"], projects: { blue: { whitelist: ["b.example"] } } };

check("the project is sent, and no other policy's", { daemon: daemon() }, async (page, { server }) => {
  const sent = (name) => server.requests.filter((one) => one.name === name).at(-1).body.project;
  await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
  await form.openText(page, JSON.stringify(withProjects));
  await page.locator(".summary").getByText("A project may allow more.").waitFor();
  await page.getByLabel("Project", { exact: true }).selectOption("blue");
  assert.equal((await form.decisionOf(page, "b.example/app")).decision, "allow");
  assert.equal(sent("v1/explain"), "blue");
  await page.getByRole("button", { name: "Test connection to b.example" }).click();
  await page.locator(".probe-summary").first().waitFor();
  assert.equal(sent("v1/probe"), "blue");
  await form.openText(page, '{"whitelist": ["c.example"], "projects": {"red": {}}}');
  await page.locator('.decision[data-decision="deny"]').getByText("access to registry").first().waitFor();
  assert.equal(sent("v1/explain"), undefined);
});

check("logins are the daemon's too; one without DNS is answered by hand", { daemon: daemon({}, []) }, async (page, { server }) => {
  await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
  await page.getByText("A login", { exact: true }).click();
  assert.equal((await form.decisionOf(page, "harbor.example")).decision, "lookup");
  await page.getByLabel("Addresses of harbor.example").fill("10.2.9.9");
  await page.keyboard.press("Enter");
  await page.locator('.decision[data-decision="allow"]').waitFor();
  const { kind, dnsAnswers } = server.requests.filter(({ name }) => name === "v1/explain").at(-1).body;
  assert.equal(kind, "registry");
  assert.deepEqual(dnsAnswers, [{ kind: "forward", subject: "harbor.example", answers: ["10.2.9.9"] }]);
  await page.getByRole("button", { name: "Forget: Addresses of harbor.example" }).waitFor();
});

const refusal = { status: 422, code: "policy-refused", message: "the policy has `errors`" };

check(
  "the daemon's error messages are shown",
  { daemon: daemon({ "v1/explain": () => refusal, "v1/probe": () => refusal }), expectErrorsOf: ["v1/explain", "v1/probe"] },
  async (page) => {
    await page.locator("main").getByText("This is what the daemon decides by now").waitFor();
    await form.decisionOf(page, "10.2.3.4/app");
    await page.locator(".try .notice", { hasText: "The daemon gives no decision: the policy has errors." }).waitFor();
    await page.getByRole("button", { name: "Test connection to 10.2.3.4" }).click();
    await page.locator(".probe .notice", { hasText: "The daemon did not test the connection: the policy has errors." }).waitFor();
  },
);

check(
  "a daemon that wants a token",
  { daemon: { "v1/module": () => ({ status: 401, code: "unauthorized", message: "…" }) }, expectErrorsOf: ["v1/module"] },
  async (page) => {
    await footer(page).getByText("The daemon wants a token or a client certificate").waitFor();
    assert.equal((await form.decisionOf(page, "alpine")).decision, "deny");
  },
);

test("the daemon's policy does not replace an opened one", { timeout: 60_000 }, async () => {
  let answer;
  const late = new Promise((resolve) => {
    answer = resolve;
  });
  await withPage({ server: { daemon: daemon({ "v1/policy": () => late }) } }, async (page) => {
    await form.openText(page, '{"whitelist": []}');
    await page.locator("main").getByText("The policy is open.").waitFor();
    answer({ generation: 8, policy });
    await page.locator("main").getByText("The daemon decides by another policy (generation 8).").waitFor();
    assert.equal(await form.field(page, 1).inputValue(), "");
  });
});

check("the first error may be in the lists of a project, which are shown then", {}, async (page) => {
  await form.openText(page, '{"whitelist": [], "projects": {"blue": {"whitelist": ["h:0"]}, "red": {"whitelist": ["h:0"]}}}');
  await page.getByRole("button", { name: "Go to the first error" }).first().click();
  await page.waitForFunction(() => document.activeElement.matches("li.row input"));
  assert.equal(await page.getByLabel("Lists for").locator("option:checked").innerText(), "project blue");
  assert.equal(await form.field(page, 1).inputValue(), "h:0");
  await page.locator(".summary").getByText("A policy with 2 errors decides nothing. Correct them first.").waitFor();
});

check("an action is announced, and then the decision", {}, async (page) => {
  await form.decisionOf(page, "alpine");
  await form.openText(page, '{"whitelist": ["a.example"]}');
  await form.announcements(page).getByText("Denied").waitFor();
  await form.announcements(page).getByText("The policy is open.").waitFor();
});
