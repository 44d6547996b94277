// Accessibility of the page in its states, in both themes and at two widths: axe, and screenshots in `.screenshots`.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";

const screenshots = fileURLToPath(new URL(".screenshots/", import.meta.url));
mkdirSync(screenshots, { recursive: true });

const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const certificate = {
  subject: "CN=harbor.example.com,O=Example",
  issuer: "CN=Example CA",
  notAfter: "2027-01-02T03:04:05Z",
  sha256: "cd".repeat(32),
};
const attempt = {
  scheme: "https",
  port: 443,
  address: "10.2.40.40",
  verified: true,
  stages: [
    { stage: "tcp", ok: true, detail: "connected", milliseconds: 4 },
    { stage: "tls", ok: false, detail: "the certificate expired on 2026-01-02", milliseconds: 12 },
  ],
  chain: [certificate],
  vouchedBy: { subject: "CN=Example CA", source: "well-known" },
  protocol: "v2 over HTTPS with token authentication",
};
const report = (more) => ({ registry: "10.2.40.40", decision: {}, ok: false, summary: "no registry was reached", ...more });
const elsewhere = [report({ registry: "auth.example.com", ok: true, summary: "reached at 10.2.3.4:443", attempts: [attempt] })];

/** A daemon with a gate, which writes the settings of Docker Engine. */
const gateDaemon = {
  "v1/module": () => ({ sha256: "ab".repeat(32), version: "0.1.0" }),
  "v1/policy": () => ({ generation: 7, policy: { whitelist: ["harbor.example.com"], insecure: ["10.2.0.0/16"] } }),
  "v1/daemon": () => ({ frontends: ["docker", "gate"], enforcement: { docker: "deny" } }),
  "v1/gate": () => ({
    registries: [
      {
        registry: "evil.example.com",
        allowed: 0,
        refused: 3,
        last: "2026-11-30T08:00:00Z",
        reason: "access to registry `evil.example.com` is denied: no entry covers it",
        secondHosts: [],
      },
      {
        registry: "harbor.example.com",
        allowed: 1200,
        refused: 1,
        last: "2026-11-30T07:00:00Z",
        secondHosts: ["auth.example.com", "a-rather-long-name-of-a-storage-host.region-1.cloud.example.com"],
      },
    ],
  }),
  "v1/export": () => ({
    fidelity: "narrower",
    files: [
      { path: "/etc/docker/daemon.json", text: '{\n  "insecure-registries": []\n}\n', merged: false },
      { path: "/opt/pullgate/bin/pullgate", link: "/usr/bin/pullgate", merged: false },
    ],
    entries: [
      ...["a", "b", "c", "d"].map((name) => ({
        list: "whitelist",
        entry: `${name}.example.com`,
        fidelity: "by-pullgate",
        reason: "dockerd has no list of `allowed` registries",
      })),
      { list: "insecure", entry: "10.2.0.0/16", fidelity: "narrower", reason: "a network counts for names, too: list its registries" },
    ],
    notes: ["dockerd starts only while the plugin `pullgate` is there"],
    commandLine: 'DOCKER_OPTS="--authorization-plugin pullgate"',
  }),
  "v1/import": () => ({
    source: "docker",
    toml: "",
    policy: { insecure: ["10.2.0.0/16"] },
    findings: [
      { code: "entry-refused", severity: "error", origin: { file: "daemon.json", line: 2 }, message: "`h:0` is no registry" },
      { code: "network-names", severity: "warning", origin: { file: "daemon.json", line: 3 }, message: "dockerd takes `10.2.0.0/16` for names, too" },
    ],
  }),
};

/** Responses of a daemon in some of the states. */
const DAEMON_ANSWERS = {
  settings: gateDaemon,
  imported: gateDaemon,
  probe: {
    "v1/module": () => ({ sha256: "ab".repeat(32), version: "0.1.0" }),
    "v1/policy": () => ({ generation: 7, policy: { whitelist: ["10.2.40.40"] } }),
    "v1/daemon": () => ({ enforcement: { docker: "audit" } }),
    "v1/explain": ({ reference }) => ({ reference, registry: "10.2.40.40", decision: "allow", attempts: [], steps: [] }),
    "v1/probe": () => report({ attempts: [{ ...attempt, elsewhere }] }),
  },
};

const STATES = {
  empty: async () => {},
  errors: async (page) => {
    await form.typeRegistries(page, [
      ["10.2.40.40:99999", "Secure"],
      ["10.2.2/24", "Insecure"],
      ["*.local", "Secure"],
      ["10.0.0.1-10.0.0.9", "Secure"],
    ]);
    await form.status(page).getByText("3 errors").waitFor();
  },
  off: async (page) => {
    await form.setMode(page, false);
    await form.typeInsecure(page, [["192.168.100.207", "5000"], ["*.lab.example.com", ""], ["h.example", "99999"]]);
    await form.row(page, 3).locator(".finding").waitFor();
  },
  certificates: async (page) => {
    const names = ["ca.pem", "expired.pem", "future.pem", "intermediate.pem"];
    const files = [...names, "request.pem"].map((name) => ({
      name,
      mimeType: "application/x-pem-file",
      buffer: Buffer.from(form.certificate(name)),
    }));
    await page.locator('.certificates input[type="file"]').setInputFiles(files);
    await page.locator(".authority").nth(3).waitFor();
    await page.locator(".authority").first().getByText("Only for certain registries").click();
    await page.locator(".authority").first().getByText("Details").click();
  },
  decision: async (page) => {
    await form.typeRegistries(page, [
      ["10.2.40.40:443", "Secure"],
      ["10.2.2.0/24", "Insecure"],
      ["*.example.com", "Insecure"],
    ]);
    await form.decisionOf(page, "10.2.2.7:5000/app");
    await form.formattedText(page, "TOML");
  },
  lookup: async (page) => {
    const later = { entry: "*.old.example", enabled: false, comment: "later" };
    const policy = { whitelist: ["*.corp.example", later], projects: { blue: {} }, match_resolved_addresses: true };
    await form.openText(page, JSON.stringify(policy));
    await form.decisionOf(page, "10.1.2.3/app");
  },
  denied: async (page) => {
    await form.typeRegistries(page, [["10.2.40.40:443", "Secure"]]);
    await form.decisionOf(page, "10.2.40.40:5000/app");
    await page.getByRole("button", { name: "Open…" }).click();
  },
  probe: async (page) => {
    await form.decisionOf(page, "10.2.40.40/app");
    await page.getByRole("button", { name: "Test connection to 10.2.40.40" }).click();
    await page.locator(".elsewhere .probe-summary").waitFor();
  },
  settings: async (page) => {
    await form.output(page).getByRole("tab", { name: "Docker Engine" }).click();
    await form.output(page).getByText("Lead through the gate", { exact: true }).click();
    await page.locator(".export[aria-busy=false] .exported-file").first().waitFor();
    await form.output(page).getByText("4 entries").click();
    await page.locator("[data-registry]").first().waitFor();
  },
  imported: async (page) => {
    await page.locator("main").getByText("(generation 7)").waitFor();
    await form.openText(page, '{"insecure-registries": ["10.2.0.0/16"]}');
    await page.locator(".notice .finding").first().waitFor();
    await page.getByRole("button", { name: "Open…" }).click();
  },
  replay: async (page) => {
    await form.openText(page, JSON.stringify({ whitelist: ["a.example"] }));
    const members = { time: "2026-10-01T08:00:00Z", frontend: "docker", user: "alice", kind: "image", reason: "matched" };
    const lines = ["b.example/x", "a.example/x"].map((reference) => ({ ...members, reference, decision: "allow", attempts: [] }));
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    await form.giveFiles(page, form.chooseRecords(page), [["audit.jsonl", text]]);
    await form.replays(page).locator("table").nth(1).waitFor();
  },
  unchecked: async (page) => {
    await page.evaluate(() => void (window.trap = true));
    await form.typeRegistries(page, [["a.example", "Secure"]]);
    await page.getByLabel("Image or registry").fill("a.example/app");
    await page.locator(".summary").getByText("Could not be checked").waitFor();
  },
};

const optionsOf = (name) => ({ init: form.trapOnDemand, server: { daemon: DAEMON_ANSWERS[name] ?? {} } });

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    for (const [name, reach] of Object.entries(STATES)) {
      test(`${name}, ${colorScheme}, ${width} pixels: it fits, and axe finds nothing`, { timeout: 60_000 }, () =>
        withPage({ ...optionsOf(name), colorScheme, viewport: { width, height: 900 } }, async (page) => {
          await reach(page);
          await page.mouse.move(0, 0);
          await page.screenshot({ path: `${screenshots}${name}-${width}-${colorScheme}.png`, fullPage: true, animations: "disabled" });
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
          // Both widths have the same colours.
          if (colorScheme === "dark" && width === 360) return;
          const { violations } = await new AxeBuilder({ page }).withTags(AXE_TAGS).analyze();
          const found = ({ id, nodes }) => nodes.map(({ target, failureSummary }) => ({ id, target, failureSummary }));
          assert.deepEqual(violations.flatMap(found), []);
        }),
      );
    }
  }
}

test("everything that can be pressed is at least 24 by 24 pixels", { timeout: 60_000 }, () =>
  withPage({ viewport: { width: 360, height: 900 } }, async (page) => {
    await STATES.errors(page);
    await STATES.certificates(page);
    // A switch or radio is pressed at its label. The clipboard button of a drop zone is for the keyboard alone.
    const pressed = "button:not([aria-label^='Drop zone']), a, .switch, .segment, summary, [role=tab], .text-field input, select, textarea";
    const small = await page.evaluate((pressed) =>
      [...document.querySelectorAll(pressed)]
        .filter((element) => !element.closest(".skip"))
        .map((element) => ({ text: element.ariaLabel ?? element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(({ text, box }) => `${text}: ${box.width} × ${box.height}`),
      pressed,
    );
    assert.deepEqual(small, []);
  }),
);
