// The page with a real daemon, `pullgate serve`, behind the server of this build of the page.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { forwardTo, freePort, listen, startDaemon } from "./real_daemon.mjs";
import { CONTENT_POLICY } from "./server.mjs";

const wasm = readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url));
const digest = createHash("sha256").update(wasm).digest("hex");

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
  const { address } = await startDaemon(context, { whitelist: ["harbor.example"], insecure, projects });
  const server = { daemon: forwardTo(address), expectErrorsOf: ["v1/explain", "v1/probe"] };
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
    await page.getByLabel("Project", { exact: true }).selectOption("blue");
    await page.locator('.decision[data-decision="allow"]').waitFor();
    await page.getByText("A login", { exact: true }).click();
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
    await main(page).getByText("The daemon decides by another policy (generation 1).").waitFor();
    await form.field(page, 1).fill("other.example");
    await page.locator('.decision[data-decision="allow"]').waitFor();
  });
});
