// Every "do this" is a button: allow, mark insecure, add the authority that a server sent; many images at once; and the
// page is named for the host that serves it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon } from "./fake_daemon.mjs";
import * as form from "./form.mjs";

const check = (name, use) => test(name, { timeout: 60_000 }, () => withPage({}, use));
const tryOut = (page) => page.getByRole("region", { name: "Try an image" });
const texts = (page) => form.rows(page).getByRole("textbox").evaluateAll((fields) => fields.map(({ value }) => value));

check("a denied image: allow its registry, or its repository only", async (page) => {
  await form.field(page, 1).fill("a.example");
  await form.decisionOf(page, "quay.io/team/app:1.0");
  await tryOut(page).getByRole("button", { name: "Allow quay.io", exact: true }).click();
  await page.locator('.decision[data-decision="allow"]').waitFor();
  assert.deepEqual(await texts(page), ["a.example", "quay.io"]);
  await page.getByRole("button", { name: "Undo: 1 registry added" }).click();
  await page.locator('.decision[data-decision="deny"]').waitFor();
  await tryOut(page).getByRole("button", { name: "Allow quay.io/team/app" }).click();
  await page.locator('.decision[data-decision="allow"]').waitFor();
  assert.deepEqual(await texts(page), ["a.example", "quay.io/team/app"]);
  assert.equal(await form.row(page, 2).getByRole("radio", { name: "Secure", exact: true }).isChecked(), true);
});

check("what cannot be allowed has no such button", async (page) => {
  await form.decisionOf(page, "not a reference");
  assert.equal(await tryOut(page).getByRole("button", { name: /^Allow/ }).count(), 0);
  await page.getByRole("button", { name: "Block a registry" }).click();
  await page.getByRole("textbox", { name: "Blocked registry 1" }).fill("evil.example");
  assert.equal((await form.decisionOf(page, "evil.example/app")).by, "evil.example");
  assert.equal(await tryOut(page).getByRole("button", { name: /^Allow/ }).count(), 0);
});

check("the notes on Docker Hub and on plain HTTP have their buttons", async (page) => {
  await form.field(page, 1).fill("a.example");
  await form.registries(page).getByRole("button", { name: "Allow docker.io" }).click();
  assert.deepEqual(await texts(page), ["a.example", "docker.io"]);
  assert.equal((await form.decisionOf(page, "alpine")).decision, "allow");
  await form.field(page, 1).fill("http://a.example");
  await form.status(page).getByText("1 error").waitFor();
  await form.row(page, 1).getByRole("button", { name: "Mark insecure" }).click();
  await form.status(page).getByText(/^No errors/).waitFor();
  assert.equal(await form.row(page, 1).getByRole("radio", { name: "Insecure" }).isChecked(), true);
});

test("the authority that a server sent is added, for that registry only", { timeout: 60_000 }, () => {
  const daemon = new FakeDaemon({ whitelist: ["harbor.example"] });
  const stages = [{ stage: "tls", ok: false, detail: "the certificate of `harbor.example` has an unknown issuer", milliseconds: 9 }];
  const presented = (name, subject) => ({
    subject,
    issuer: "CN=Example CA,O=Example Corp",
    notAfter: "2036-01-01T00:00:00Z",
    sha256: "ab".repeat(32),
    pem: form.certificate(name),
  });
  const chain = [presented("server.pem", "CN=harbor.example"), presented("ca.pem", "CN=Example CA,O=Example Corp")];
  const responses = {
    ...daemon.responses,
    "v1/explain": ({ reference, policy }) => ({
      reference,
      registry: "harbor.example",
      decision: "allow",
      attempts: [{ scheme: "https", port: 443, verified: true }],
      authorities: policy.certificate_authorities ? ["b4dad39b".repeat(8)] : undefined,
      steps: [],
    }),
    "v1/probe": () => ({
      registry: "harbor.example:8443",
      decision: {},
      ok: false,
      summary: "no registry was reached",
      attempts: [{ scheme: "https", port: 443, verified: true, stages, chain }],
    }),
  };
  return withPage({ server: { daemon: responses } }, async (page) => {
    await form.decisionOf(page, "harbor.example/app");
    await tryOut(page).getByRole("button", { name: /^Test connection/ }).click();
    // The server's own certificate vouches for nobody.
    const add = tryOut(page).getByRole("button", { name: "Add this authority, for harbor.example:8443 only" });
    assert.equal(await add.count(), 1);
    await tryOut(page).locator(".stages").getByText("has an unknown issuer").waitFor();
    assert.ok(!(await tryOut(page).innerText()).includes("`"));
    await tryOut(page).getByText(Array(32).fill("AB").join(":")).first().waitFor();
    await tryOut(page).getByText("valid until Jan 1, 2036").first().waitFor();
    await add.click();
    await page.locator(".authority").getByText("CN=Example CA").first().waitFor();
    await page.locator("pre").getByText("harbor.example:8443").first().waitFor();
    const [{ pem, registries }] = JSON.parse((await form.downloaded(page, "JSON")).text).certificate_authorities;
    assert.deepEqual([pem, registries], [form.certificate("ca.pem"), ["harbor.example:8443"]]);
    // The fingerprint of a decision has the form of all others.
    await tryOut(page).getByText("B4:DA:D3:9B:B4").first().waitFor();
  });
});

check("an authority of a decision is named, with the fingerprint of its card", async (page) => {
  await form.openText(page, JSON.stringify({ whitelist: ["a.example"], certificate_authorities: [{ pem: form.certificate("ca.pem") }] }));
  await form.decisionOf(page, "a.example/app");
  const card = await page.locator(".authority .fingerprint code").first().innerText();
  const decision = page.locator(".decision .plain-list li").first();
  assert.match(await decision.innerText(), /Example CA/);
  assert.equal(await decision.locator(".fingerprint code").innerText(), card);
});

check("certificates as DER, base64 and with escaped line ends", async (page) => {
  const pem = form.certificate("ca.pem");
  const base64 = pem.replace(/-----.*-----|\s/g, "");
  const input = page.locator('.certificates input[type="file"]');
  for (const [name, content] of [
    ["ca.der", Buffer.from(base64, "base64")],
    ["secret.txt", Buffer.from(Buffer.from(pem).toString("base64"))],
    ["env.txt", Buffer.from(pem.replaceAll("\n", "\\n"))],
    ["one-line.pem", Buffer.from(pem.replaceAll("\n", " "))],
  ]) {
    await input.setInputFiles({ name, mimeType: "application/octet-stream", buffer: content });
    await page.locator(".certificate").waitFor();
    await page.locator("pre").getByText("BEGIN CERTIFICATE").or(page.locator("pre")).first().waitFor();
    assert.equal(JSON.parse(await form.formattedText(page, "JSON")).certificate_authorities[0].pem, pem, name);
    await page.locator(".authority").getByRole("button", { name: /^Remove the certificate/ }).click();
  }
});

check("the images of a cluster, with a summary by registry", async (page) => {
  await form.openText(page, JSON.stringify({ whitelist: ["quay.io", "10.0.0.0/8"], insecure: ["lab.example"], match_resolved_addresses: true }));
  await tryOut(page).getByText("Many images").click();
  const pod = (...images) => ({ spec: { containers: images.map((image) => ({ image, args: ["serve"] })) } });
  const items = [
    pod("quay.io/team/app:1", "quay.io/team/app:2"),
    pod("lab.example/x"),
    pod("nginx:1.25", "docker.io/library/redis"),
    pod("nginx:1.25", "ghcr.io/a/b"),
    pod("quay.io//x"),
  ];
  await tryOut(page).getByLabel("Images", { exact: true }).fill(JSON.stringify({ kind: "List", items }));
  await tryOut(page).getByText(/1 image denied|images? denied|dependent on DNS/).first().waitFor();
  const summary = await tryOut(page).locator(".many-summary").innerText();
  assert.match(summary, /2 images allowed\.$/);
  assert.match(summary, /1 image allowed, but not verified/);
  const states = await tryOut(page).locator(".many-groups > li").evaluateAll((groups) => groups.map(({ dataset }) => dataset.state));
  assert.deepEqual(states, [...states].sort((a, b) => ["deny", "lookup", "unverified", "allow"].indexOf(a) - ["deny", "lookup", "unverified", "allow"].indexOf(b)));
});

check("all denied registries of a list are allowed at once", async (page) => {
  await form.field(page, 1).fill("quay.io");
  await tryOut(page).getByText("Many images").click();
  await tryOut(page).getByLabel("Images", { exact: true }).fill("nginx\nredis:7\nghcr.io/a/b\nquay.io/x\nquay.io//x");
  await tryOut(page).locator(".many-summary").getByText("4 images denied and 1 image allowed.").waitFor();
  await tryOut(page).locator('[data-state="deny"]').getByText("docker.io", { exact: true }).waitFor();
  await tryOut(page).getByRole("button", { name: "Allow all 2 denied registries" }).click();
  await tryOut(page).locator(".many-summary").getByText("1 image denied and 4 images allowed.").waitFor();
  assert.deepEqual(await texts(page), ["quay.io", "docker.io", "ghcr.io"]);
  await form.field(page, 1).fill("quay.io:0");
  await tryOut(page).getByText("A policy with 1 error decides nothing. Correct it first.").waitFor();
});

for (const [frontends, host, tab] of [
  [["docker"], "Docker Engine", "TOML"],
  [["docker", "kubernetes"], "Kubernetes", "TOML"],
  [["containerd"], "containerd", "TOML"],
  [[], "any host", "TOML"],
]) {
  test(`named for its host: ${host}`, { timeout: 60_000 }, () => {
    const responses = { ...new FakeDaemon({ whitelist: [] }).responses, "v1/daemon": () => ({ frontends, enforcement: {} }) };
    return withPage({ server: { daemon: responses } }, async (page) => {
      await page.waitForFunction((host) => document.title === `Registry Access – ${host} – pullgate`, host);
      const selected = form.output(page).getByRole("tab", { selected: true });
      assert.equal(await selected.innerText(), tab);
      // The wizard is one choice away.
      await page.getByLabel("For", { exact: true }).selectOption("a new virtual container host");
      assert.equal(await selected.innerText(), "vic-machine");
      assert.equal(await page.title(), "Registry Access – a new virtual container host – pullgate");
    });
  });
}
