// The settings of container runtimes: written by the daemon for the policy of the form, and opened as a policy.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon, TOKEN } from "./fake_daemon.mjs";
import * as form from "./form.mjs";
import { forwardTo, startDaemon } from "./real_daemon.mjs";

const main = (page) => page.locator("main");
const tab = (page, name) => form.output(page).getByRole("tab", { name, exact: true }).click();
const file = (page, path) => form.output(page).getByRole("region", { name: path, exact: true });

/** Returns the last request of a path. */
const lastOf = ({ requests }, path) => requests.filter(({ name }) => name === path).at(-1).body;

const EXPECTED_ERRORS = ["v1/export", "v1/import", "v1/policy", "v1/module", "v1/daemon"];

/** Runs a test with a daemon that answers `v1/export` and `v1/import` by these functions. */
const check = (name, answers, use) =>
  test(name, { timeout: 60_000 }, () => {
    const daemon = new FakeDaemon({ whitelist: ["a.example"], insecure: ["10.2.0.0/16"] });
    const server = { daemon: { ...daemon.responses, ...answers }, expectErrorsOf: EXPECTED_ERRORS };
    return withPage({ server }, async (page, more) => {
      await main(page).getByText("(generation 1)").waitFor();
      await use(page, { daemon, ...more });
    });
  });

const error = (status, code, message) => ({ status, bytes: JSON.stringify({ code, message }), type: "application/json" });

const EXPORT = {
  target: "docker",
  fidelity: "narrower",
  files: [
    { path: "/etc/docker/daemon.json", mode: 420, text: '{\n  "insecure-registries": []\n}\n', merged: false },
    { path: "/opt/pullgate/bin/pullgate", mode: 511, link: "/usr/bin/pullgate", merged: false },
  ],
  entries: [
    { list: "whitelist", entry: "a.example", fidelity: "by-pullgate", reason: "dockerd has no list of `allowed` registries" },
    ...["b.example", "c.example", "d.example"].map((entry) => ({
      list: "whitelist",
      entry,
      fidelity: "by-pullgate",
      reason: "dockerd has no list of `allowed` registries",
    })),
    { list: "insecure", entry: "10.2.0.0/16", fidelity: "narrower", reason: "a network counts for names, too: list its registries" },
    { list: "certificate_authorities", entry: "0", fidelity: "equal" },
  ],
  notes: ["dockerd starts only while the plugin `pullgate` is there"],
  commandLine: "DOCKER_OPTS=\"--authorization-plugin pullgate\"",
};

check("the settings of a target: files, how exactly they say the policy, and what it cannot say", {
  "v1/export": ({ files = [] }) =>
    files.length === 0 ? EXPORT : { ...EXPORT, files: [{ ...EXPORT.files[0], text: `${files[0].text}// merged\n`, merged: true }] },
}, async (page, { server }) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await tab(page, "Docker Engine");
  const output = form.output(page);
  await output.getByText("Narrower: it allows less than the policy, or verifies more.").waitFor();
  const groups = output.getByRole("list", { name: "What becomes of each entry" }).locator(":scope > li");
  assert.deepEqual(await groups.evaluateAll((items) => items.map(({ dataset }) => dataset.fidelity)), ["narrower", "by-pullgate", "equal"]);
  await groups.nth(1).getByText("pullgate decides: dockerd has no list of allowed registries").waitFor();
  await groups.nth(1).getByText("4 entries").click();
  const listed = (await groups.nth(1).locator("details li").allInnerTexts()).map((text) => text.trim());
  assert.deepEqual(listed, ["a.example", "b.example", "c.example", "d.example"]);
  // A few stand in the sentence.
  await groups.nth(0).getByText("Narrower 10.2.0.0/16 (insecure): a network counts for names, too").waitFor();
  await groups.nth(2).getByText("Equal certificate authority 1").waitFor();
  await output.getByText("dockerd starts only while the plugin pullgate is there").waitFor();
  assert.deepEqual(server.requests.filter(({ name }) => name === "v1/export").map(({ body }) => body), [
    { target: "docker", policy: { whitelist: ["a.example"], insecure: ["10.2.0.0/16"] } },
  ]);

  const path = "/etc/docker/daemon.json";
  await file(page, path).getByRole("button", { name: `Copy ${path}` }).click();
  await file(page, path).getByText("Copied", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), EXPORT.files[0].text);
  const waiting = page.waitForEvent("download");
  await file(page, path).getByRole("button", { name: `Download ${path}` }).click();
  const download = await waiting;
  assert.equal(download.suggestedFilename(), "daemon.json");
  assert.equal(readFileSync(await download.path(), "utf8"), EXPORT.files[0].text);
  await file(page, "/opt/pullgate/bin/pullgate").locator("pre").getByText("ln -s /usr/bin/pullgate /opt/pullgate/bin/pullgate").waitFor();
  await output.locator("pre").getByText("DOCKER_OPTS=").waitFor();

  // What is there already is merged into.
  const merge = file(page, path).getByRole("button", { name: `Merge into one that is there… (${path})` });
  await form.giveFiles(page, merge, [["daemon.json", "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----"]]);
  await file(page, path).getByText("daemon.json has a private key in it, and was not taken.").waitFor();
  await form.giveFiles(page, merge, [["daemon.json", '{"debug": true}']]);
  await file(page, path).getByText("Merged: what is not pullgate’s in the file that you gave stays.").waitFor();
  assert.deepEqual(lastOf(server, "v1/export").files, [{ path, text: '{"debug": true}' }]);
  await file(page, path).getByRole("button", { name: "Write it alone again" }).click();
  await file(page, path).getByText("Merged:").waitFor({ state: "detached" });
  // The policy itself is not saved with that.
  await form.field(page, 1).fill("other.example");
  await page.locator(".changes").getByText("Not applied yet.").waitFor();
});

check("nothing wider without a word: the reason, and a button", {
  "v1/export": ({ allowWider }) =>
    allowWider ? { ...EXPORT, fidelity: "wider", entries: [] } : error(422, "wider", "openshift would allow `10.2.0.9`"),
}, async (page, { server }) => {
  await tab(page, "OpenShift");
  const output = form.output(page);
  await output.getByRole("alert").getByText("openshift would allow 10.2.0.9").waitFor();
  assert.equal(await output.locator("pre").count(), 0);
  await output.getByRole("button", { name: "Write them all the same" }).click();
  await output.getByText("Wider: it allows more than the policy.").waitFor();
  await output.getByText("Also what allows more than the policy is written.").waitFor();
  assert.equal(lastOf(server, "v1/export").allowWider, true);
  await output.getByRole("button", { name: "Write nothing wider" }).click();
  await output.getByRole("alert").getByText("openshift would allow 10.2.0.9").waitFor();
});

check("what keeps settings from being written is said, and tried again", {
  "v1/export": ({ target, files }) =>
    files ? error(422, "export-refused", "`/etc/docker/daemon.json` does not parse") : target === "docker" ? EXPORT : error(503, "busy", "busy"),
}, async (page) => {
  const output = form.output(page);
  await tab(page, "Docker Engine");
  const path = "/etc/docker/daemon.json";
  await form.giveFiles(page, file(page, path).getByRole("button", { name: /^Merge/ }), [["daemon.json", "{"]]);
  await output.getByRole("alert").getByText("/etc/docker/daemon.json does not parse").waitFor();
  await output.getByRole("button", { name: "Write it alone again" }).click();
  await file(page, path).waitFor();
  await tab(page, "K3s");
  await output.getByRole("alert").getByText("The daemon did not write the settings.").waitFor();
  await output.getByRole("button", { name: "Try again" }).waitFor();
  await form.field(page, 1).fill("a.example:0");
  await output.getByText("Settings are written for a policy without errors only.").waitFor();
});

check("the project and the gate are part of what is written", {
  "v1/export": () => EXPORT,
  "v1/daemon": () => ({ frontends: ["docker", "gate"], enforcement: {} }),
  "v1/gate": () => ({ registries: [] }),
}, async (page, { server }) => {
  await form.openText(page, '{"whitelist": ["a.example"], "projects": {"blue": {"whitelist": ["b.example"]}}}');
  await tab(page, "containerd");
  const output = form.output(page);
  await output.getByLabel("Project", { exact: true }).selectOption("blue");
  await output.getByText("Lead through the gate", { exact: true }).click();
  await output.getByLabel("Address of the gate").fill("10.0.0.1:8733");
  await page.waitForFunction(() => document.querySelector(".export[aria-busy=false]"));
  const { target, project, gate } = lastOf(server, "v1/export");
  assert.deepEqual({ target, project, gate }, { target: "containerd", project: "blue", gate: "10.0.0.1:8733" });
  // A target that knows no gate is not asked about it.
  await tab(page, "Kubernetes");
  await output.getByText("Narrower").first().waitFor();
  assert.equal(await output.getByText("Lead through the gate", { exact: true }).count(), 0);
});

check("an older daemon: the command that does it", {
  "v1/export": () => error(404, "not-found", "no"),
  "v1/import": () => error(404, "not-found", "no"),
}, async (page) => {
  await tab(page, "Docker Engine");
  await form.output(page).getByText("This daemon is too old to write the settings for Docker Engine. This command does so:").waitFor();
  await form.output(page).locator("pre").getByText("pullgate export --to docker --policy policy.toml").waitFor();
  // What the page itself can write is there.
  assert.match(await form.formattedText(page, "vic-machine"), /--whitelist-registry a\.example/);
  await form.openText(page, '{"insecure-registries": ["h.example:5000"]}');
  await page.locator(".notice").getByText("This daemon is too old to read other programs’ settings").waitFor();
});

test("without a daemon, the page says who writes and reads settings", { timeout: 60_000 }, () =>
  withPage({}, async (page) => {
    for (const [name, target] of [["Docker Engine", "docker"], ["Podman, CRI-O", "containers"], ["Kubernetes", "kubernetes"]]) {
      await tab(page, name);
      await form.output(page).getByText("are written by pullgate’s daemon, which does not serve this page, or by this command:").waitFor();
      await form.output(page).locator("pre").getByText(`pullgate export --to ${target} --policy policy.toml`).waitFor();
    }
    await form.openText(page, '{"insecure-registries": ["h.example:5000"]}');
    await page.locator(".notice").getByText("Other programs’ settings are read by pullgate’s daemon, which does not serve this page").waitFor();
    assert.equal(await page.getByLabel("Read it as").count(), 0);
    // A mistake in a policy of pullgate's own is no other program's.
    await form.openText(page, '{"whitelst": []}');
    await page.locator(".notice").getByText("/whitelst").waitFor();
    assert.equal(await page.locator(".notice").getByText("Other programs’ settings").count(), 0);
  }),
);

const IMPORT = {
  source: "docker",
  toml: 'insecure = [\n  "h.example:5000", # daemon.json:2 insecure-registries\n]\n',
  policy: { insecure: ["h.example:5000", "10.2.0.0/16"] },
  findings: [
    {
      code: "network-names",
      severity: "warning",
      origin: { file: "daemon.json", line: 3 },
      message: "dockerd takes the network `10.2.0.0/16` for names, too",
    },
    { code: "entry-refused", severity: "error", origin: { file: "daemon.json" }, message: "`h:0` is no registry" },
  ],
};

check("other programs’ files are opened by the daemon, with what is found about them", {
  "v1/import": ({ files }) => (files[0].text.includes("insecure-registries") ? IMPORT : error(422, "source-unknown", "the content tells no program")),
}, async (page, { server }) => {
  await page.getByRole("button", { name: "Open…" }).click();
  const dropZone = page.locator(".open-panel .drop-zone");
  await form.dropFiles(dropZone, [["daemon.json", '{"insecure-registries": ["h.example:5000"]}']]);
  const notice = page.locator(".notice", { hasText: "Opened as a policy: settings of Docker Engine, from daemon.json." });
  await notice.getByText("1 part of them is not in the policy, and to be decided by hand:").waitFor();
  assert.deepEqual(await notice.locator(".finding").evaluateAll((items) => items.map(({ dataset }) => dataset.code)), ["entry-refused", "network-names"]);
  await notice.locator(".finding").nth(1).getByText("(daemon.json, line 3)").waitFor();
  const waiting = page.waitForEvent("download");
  await notice.getByRole("button", { name: "Download it with the origin of each line" }).click();
  assert.equal(readFileSync(await (await waiting).path(), "utf8"), IMPORT.toml);
  assert.deepEqual(lastOf(server, "v1/import"), { files: [{ path: "daemon.json", text: '{"insecure-registries": ["h.example:5000"]}' }] });
  assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), IMPORT.policy);
  await form.announcements(page).getByText("Opened as a policy: settings of Docker Engine").waitFor();
  await page.getByRole("button", { name: /^Undo: Policy opened/ }).click();
  assert.equal(await form.field(page, 1).inputValue(), "a.example");

  // Pasted; and read as what the reader says.
  await page.getByRole("button", { name: "Open…" }).click();
  await page.getByLabel("Read it as").selectOption("settings of containerd");
  await page.getByLabel("Or paste it").fill('{"insecure-registries": []}');
  await page.getByRole("button", { name: "Open this text" }).click();
  await page.locator(".notice").getByText("Opened as a policy: settings of Docker Engine, from pasted text.").waitFor();
  assert.equal(lastOf(server, "v1/import").source, "containerd");
  // What no program has is what the page itself says of it.
  await form.openText(page, "not a policy at all: [");
  await page.locator(".notice").getByText("it is neither JSON, nor TOML").waitFor();
});

check("a folder is opened with the names of its folders, and without private keys", { "v1/import": () => IMPORT }, async (page, { server }) => {
  await page.getByRole("button", { name: "Open…" }).click();
  const key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----";
  await form.dropFolder(page.locator(".open-panel .drop-zone"), "certs.d", {
    "h.example:5000/hosts.toml": "server = 'https://h.example'",
    "h.example:5000/client.key": key,
  });
  await page.locator(".notice").getByText("Not sent to the daemon, since there is a private key in it: certs.d/h.example:5000/client.key").waitFor();
  assert.deepEqual(lastOf(server, "v1/import").files, [{ path: "certs.d/h.example:5000/hosts.toml", text: "server = 'https://h.example'" }]);
  await page.getByRole("button", { name: "Open…" }).click();
  await form.dropFolder(page.locator(".open-panel .drop-zone"), "empty", {});
  await page.locator(".notice").getByText("there is no file in it").waitFor();
});

test("a daemon that wants a token writes and reads nothing before", { timeout: 60_000 }, () => {
  const daemon = new FakeDaemon({ whitelist: ["a.example"] });
  const locked = (answer) => (body, request) =>
    request.headers.authorization === `Bearer ${TOKEN}` ? answer(body, request) : error(401, "unauthorized", "…");
  const answers = { ...daemon.responses, "v1/export": () => EXPORT };
  const responses = Object.fromEntries(Object.entries(answers).map(([path, answer]) => [path, locked(answer)]));
  return withPage({ server: { daemon: responses, expectErrorsOf: EXPECTED_ERRORS } }, async (page) => {
    await tab(page, "Docker Engine");
    await form.output(page).getByText("The daemon writes the settings for Docker Engine once it has its token.").waitFor();
    await form.openText(page, "[[registry]]\nlocation = 'h.example'\n");
    await page.locator(".notice").getByText("read by the daemon once it has its token").waitFor();
    await main(page).getByLabel("Token of the daemon").fill(TOKEN);
    await page.keyboard.press("Enter");
    await main(page).getByText("(generation 1)").waitFor();
    await tab(page, "Docker Engine");
    await file(page, "/etc/docker/daemon.json").waitFor();
  });
});

const INSECURE = { insecure: ["h.example:5000"] };
const ALLOWED = { whitelist: ["h.example:5000"] };

/** Texts of each program that is read, with the policy that they are. */
const SOURCES = [
  ["daemon.json", JSON.stringify({ "insecure-registries": ["h.example:5000"] }), INSECURE],
  ["a unit", "dockerd --insecure-registry h.example:5000", INSECURE],
  ["registries.conf", '[[registry]]\nlocation = "h.example:5000"\ninsecure = true\n', INSECURE],
  [
    "policy.json",
    JSON.stringify({
      default: [{ type: "reject" }],
      transports: { docker: { "h.example:5000": [{ type: "insecureAcceptAnything" }] } },
    }),
    ALLOWED,
  ],
  ["registries.yaml", "configs:\n  h.example:5000:\n    tls:\n      insecure_skip_verify: true\n", INSECURE],
  [
    "image.yaml",
    JSON.stringify({
      apiVersion: "config.openshift.io/v1",
      kind: "Image",
      metadata: { name: "cluster" },
      spec: { registrySources: { insecureRegistries: ["h.example:5000"] } },
    }),
    INSECURE,
  ],
  ["vch.json", JSON.stringify({ registry: { whitelist: ["h.example:5000"], insecure: [] } }), ALLOWED],
  ["a command", "vic-machine-linux create --whitelist-registry h.example:5000", ALLOWED],
  [
    "access.json",
    JSON.stringify({
      enabled: true,
      standard_registries: [],
      custom_registries: [{ address: "h.example", friendly_name: "", allowed: true }],
    }),
    { whitelist: ["h.example"] },
  ],
  ["a list", "h.example\nquay.io\n", { whitelist: ["h.example", "quay.io"] }],
];

test("the real daemon writes the settings of every target, and reads every program’s", { timeout: 180_000 }, async (context) => {
  const policy = { whitelist: ["h.example:5000"], insecure: ["192.168.100.207:5000"] };
  const { address } = await startDaemon(context, policy);
  const server = { daemon: forwardTo(address), expectErrorsOf: ["v1/import"] };
  await withPage({ server }, async (page) => {
    await main(page).getByText("(generation 1)").waitFor();
    const output = form.output(page);
    const exported = {};
    for (const name of ["Docker Engine", "containerd", "Podman, CRI-O", "K3s", "OpenShift", "Kubernetes", "vic-machine", "REST JSON"]) {
      await tab(page, name);
      await output.locator(".export[aria-busy=false] .fidelity").waitFor();
      const files = output.locator(".exported-file");
      exported[name] = await files.evaluateAll((sections) =>
        sections.map((section) => ({ path: section.ariaLabel, text: section.querySelector("pre").textContent })),
      );
      assert.ok(exported[name].length > 0, name);
    }
    // What was written is read again, as no more than the policy.
    for (const [name, source] of [["Docker Engine", "settings of Docker Engine"], ["Kubernetes", "an admission policy of Kubernetes"], ["vic-machine", undefined]]) {
      await form.openText(page, exported[name][0].text);
      await page.locator(".notice").getByText(source ? `Opened as a policy: ${source}` : "The policy is open.").waitFor();
    }
    for (const [name, text, expected] of SOURCES) {
      await page.getByRole("button", { name: "Open…" }).click();
      await form.dropFiles(page.locator(".open-panel .drop-zone"), [[name, text]]);
      await page.locator(".open-panel").waitFor({ state: "detached" });
      assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), expected, name);
    }
    // The host of a hosts.toml is its folder.
    await page.getByRole("button", { name: "Open…" }).click();
    const hosts = 'server = "https://h.example:5000"\n\n[host."https://h.example:5000"]\n  skip_verify = true\n';
    await form.dropFolder(page.locator(".open-panel .drop-zone"), "certs.d", { "h.example:5000/hosts.toml": hosts });
    await page.locator(".notice").getByText("Opened as a policy: settings of containerd").waitFor();
    assert.deepEqual(JSON.parse(await form.formattedText(page, "JSON")), { insecure: ["h.example:5000"] });
  });
});
