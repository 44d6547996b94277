// The page with a real daemon, `pullgate serve`, behind the server of this build of the page.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { program } from "./program.mjs";
import { CONTENT_POLICY } from "./server.mjs";

const wasm = readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url));
const digest = createHash("sha256").update(wasm).digest("hex");
const PROXIED_PATHS = ["v1/module", "v1/policy", "v1/daemon", "v1/explain", "v1/probe"];

test("the real daemon", { timeout: 120_000 }, async (context) => {
  const closed = await freePort();
  const registry = await listen((request, response) => {
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    response.statusCode = request.url === "/v2/" ? 200 : 404;
    response.end("{}");
  });
  context.after(() => registry.server.close());
  const insecure = [`127.0.0.1:${closed}`, `127.0.0.1:${registry.port}`];
  const projects = { blue: { whitelist: ["blue.example"] } };
  const address = await startDaemon(context, { whitelist: ["harbor.example"], insecure, projects });
  const daemon = Object.fromEntries(PROXIED_PATHS.map((path) => [path, (body) => ask(`${address}/${path}`, body)]));
  const server = { daemon, expectErrorsOf: ["v1/explain", "v1/probe"] };
  const main = (page) => page.locator("main");
  const check = (name, use) => context.test(name, { timeout: 60_000 }, () => withPage({ server }, use));

  await check("runs the same module, and its policy is where the form starts", async (page) => {
    await page.locator("footer").getByText(digest).waitFor();
    await page.locator("footer").getByText("The daemon runs the same module").waitFor();
    await main(page).getByText("This is what the daemon decides by now (generation 1).").waitFor();
    const fields = await form.rows(page).getByRole("textbox").all();
    assert.deepEqual(await Promise.all(fields.map((field) => field.inputValue())), ["harbor.example", ...insecure]);
  });

  await context.test("serves its page under the policy that the page is tested with", async () => {
    const answer = await fetch(`${address}/`);
    assert.equal(answer.headers.get("content-security-policy"), CONTENT_POLICY);
  });

  await check("explains images and logins, for a project too", async (page) => {
    await main(page).getByText("This is what the daemon decides by now").waitFor();
    assert.equal((await form.decisionOf(page, "harbor.example/app")).decision, "allow");
    await page.getByLabel("Image or registry").fill("blue.example/app");
    await page.locator('.decision[data-decision="deny"]').waitFor();
    await page.getByLabel("Project").selectOption("blue");
    await page.locator('.decision[data-decision="allow"]').waitFor();
    await page.getByText("Log in to a registry").click();
    await page.getByLabel("Image or registry").fill("https://harbor.example/");
    await page.locator('.decision[data-decision="allow"]').getByText("harbor.example", { exact: true }).first().waitFor();
    assert.equal(await page.locator(".try .notice").count(), 0);
  });

  await check("tests a port where nothing listens", async (page) => {
    await main(page).getByText("This is what the daemon decides by now").waitFor();
    await form.decisionOf(page, `127.0.0.1:${closed}/app`);
    await page.getByRole("button", { name: `Test connection to 127.0.0.1:${closed}` }).click();
    await page.locator('.probe-summary[data-ok="false"]').getByText("no registry was reached").waitFor();
    await page.locator('.stages [data-ok="false"]').getByText("Connect", { exact: true }).first().waitFor();
  });

  await check("tests a registry that speaks plain HTTP", async (page) => {
    await main(page).getByText("This is what the daemon decides by now").waitFor();
    await form.decisionOf(page, `127.0.0.1:${registry.port}/app`);
    await page.getByRole("button", { name: `Test connection to 127.0.0.1:${registry.port}` }).click();
    await page.locator('.probe-summary[data-ok="true"]').getByText("The connection works").waitFor();
    await page.locator('.stages [data-ok="true"]').getByText("Ask for /v2/").waitFor();
    await page.locator(".probe").getByText("not encrypted").waitFor();
    await page.locator(".probe-detail", { hasText: /^Speaks v2 over / }).waitFor();
  });

  await check("a wrong edit ends its decisions, and a right one goes on with them", async (page) => {
    await main(page).getByText("This is what the daemon decides by now").waitFor();
    assert.equal((await form.decisionOf(page, "other.example/app")).decision, "deny");
    await form.field(page, 1).fill("other.example:0");
    await page.locator(".try").getByText("A policy with 1 error decides nothing. Correct it first.").waitFor();
    await main(page).getByText("The daemon has a policy (generation 1).").waitFor();
    await form.field(page, 1).fill("other.example");
    await page.locator('.decision[data-decision="allow"]').waitFor();
  });
});

/** Starts the daemon with a policy, and returns its address once it is ready. It ends with the test. */
async function startDaemon(context, policy) {
  const folder = mkdtempSync(join(tmpdir(), "pullgate-page-"));
  const file = join(folder, "policy.json");
  writeFileSync(file, JSON.stringify(policy));
  const address = `127.0.0.1:${await freePort()}`;
  const daemon = spawn(program(), ["serve", "--listen", address, "--policy", file, "--audit", "off"], { cwd: folder });
  let log = "";
  for (const stream of [daemon.stdout, daemon.stderr]) stream.on("data", (data) => (log += data));
  const ended = new Promise((resolve) => daemon.on("close", resolve));
  context.after(async () => {
    daemon.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });
  const until = Date.now() + 30_000;
  while (Date.now() < until && daemon.exitCode === null) {
    const ready = await fetch(`http://${address}/readyz`).catch(() => undefined);
    if (ready?.ok) return `http://${address}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the daemon did not start:\n${log}`);
}

/** Requests a path of the daemon, and returns its response unchanged. */
async function ask(address, body) {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(address, body === undefined ? {} : post);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get("content-type"), bytes };
}

async function listen(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: server.address().port };
}

async function freePort() {
  const { server, port } = await listen();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
