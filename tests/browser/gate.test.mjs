// What went through the gate lately, with what the form says of it, and buttons that allow it.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { withPage } from "./browser.mjs";
import { FakeDaemon, TOKEN } from "./fake_daemon.mjs";
import * as form from "./form.mjs";
import { forwardTo, freePort, startDaemon } from "./real_daemon.mjs";

const panel = (page) => page.getByRole("region", { name: "Through the gate" });
const entry = (page, registry) => panel(page).locator(`[data-registry="${registry}"]`);

const TRAFFIC = [
  {
    registry: "evil.example",
    allowed: 0,
    refused: 3,
    last: "2026-11-30T08:00:00Z",
    reason: "access to registry `evil.example` is denied: no entry covers it",
    secondHosts: [],
  },
  { registry: "a.example", allowed: 1200, refused: 0, last: "2026-11-30T07:00:00Z", secondHosts: ["auth.example", "cdn.example"] },
];

function fakeDaemon(registries, frontends = ["docker", "gate"]) {
  const daemon = new FakeDaemon({ whitelist: ["a.example", "auth.example"] });
  const traffic = { registries };
  const answers = { "v1/daemon": () => ({ frontends, enforcement: {} }), "v1/gate": () => traffic };
  return { traffic, server: { daemon: { ...daemon.responses, ...answers } } };
}

test("what was allowed and refused, and what each registry refers to, with a button for what is denied", { timeout: 60_000 }, () => {
  const { server, traffic } = fakeDaemon(TRAFFIC);
  return withPage({ server }, async (page) => {
    const evil = entry(page, "evil.example");
    await evil.getByText("3 requests refused").waitFor();
    await evil.getByText("Last refusal: access to registry evil.example is denied").waitFor();
    await entry(page, "a.example").getByText("1,200 requests allowed").waitFor();
    const second = entry(page, "a.example").locator(".gate-second li");
    assert.deepEqual(
      (await second.allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim()),
      ["auth.example Allowed by this form", "cdn.example Denied by this form Allow cdn.example"],
    );
    await panel(page).getByLabel("Show").selectOption("refused");
    assert.equal(await panel(page).locator("[data-registry]").count(), 1);
    await panel(page).getByLabel("Show").selectOption("denied by this form");
    assert.equal(await panel(page).locator("[data-registry]").count(), 2);

    await panel(page).getByLabel("Show").selectOption("all");
    // By the keyboard, whose focus stays where the button was.
    await evil.getByRole("button", { name: "Allow this registry: evil.example" }).focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.registry), "evil.example");
    await evil.getByText("Allowed by this form").waitFor();
    assert.equal(await evil.getByRole("button").count(), 0);
    await page.getByRole("button", { name: "Undo: 1 registry added" }).click();
    await panel(page).getByRole("button", { name: "Allow all 2 that are denied" }).click();
    await second.nth(1).getByText("Allowed by this form").waitFor();
    const { whitelist } = JSON.parse(await form.formattedText(page, "JSON"));
    assert.deepEqual(whitelist, ["a.example", "auth.example", "evil.example", "cdn.example"]);

    // It follows the daemon, but does not move under the pointer.
    await evil.hover();
    traffic.registries = [{ ...TRAFFIC[1], registry: "new.example", secondHosts: [] }, ...TRAFFIC];
    await page.waitForTimeout(2500);
    assert.equal(await entry(page, "new.example").count(), 0);
    await page.mouse.move(0, 0);
    await entry(page, "new.example").waitFor();
    assert.equal(await panel(page).locator("[data-registry]").first().getAttribute("data-registry"), "new.example");
  });
});

test("without a gate there is no panel, and without traffic it says so", { timeout: 60_000 }, async () => {
  const { server } = fakeDaemon(TRAFFIC, ["docker"]);
  await withPage({ server }, async (page, { server: { requests } }) => {
    await page.locator("main").getByText("(generation 1)").waitFor();
    assert.equal(await panel(page).count(), 0);
    assert.equal(requests.filter(({ name }) => name === "v1/gate").length, 0);
  });
  await withPage({ server: fakeDaemon([]).server }, (page) => panel(page).getByText("Nothing went through the gate yet.").waitFor());
});

test("a policy with errors says nothing of the registries", { timeout: 60_000 }, () =>
  withPage({ server: fakeDaemon(TRAFFIC).server }, async (page) => {
    await entry(page, "a.example").getByText("Allowed by this form").first().waitFor();
    await form.field(page, 1).fill("a.example:0");
    await entry(page, "a.example").locator(".gate-state").first().waitFor({ state: "detached" });
    assert.equal(await panel(page).getByRole("button").count(), 0);
  }),
);

test("the real gate: what it refuses is seen, allowed, and applied", { timeout: 120_000 }, async (context) => {
  const gate = await freePort();
  const { address } = await startDaemon(context, { whitelist: ["a.example"] }, { token: TOKEN, args: ["--gate", `127.0.0.1:${gate}`] });
  const server = { daemon: forwardTo(address) };
  assert.match(await statusOf(gate, "CONNECT registry.invalid:443 HTTP/1.1\r\nHost: registry.invalid:443\r\n\r\n"), /^HTTP\/1\.1 403 pullgate: /);
  await withPage({ server }, async (page) => {
    const denied = entry(page, "registry.invalid:443");
    await denied.getByText("1 request refused").waitFor();
    await denied.getByText("Last refusal: ").waitFor();
    await denied.getByRole("button", { name: "Allow this registry: registry.invalid:443" }).click();
    await page.getByRole("button", { name: "Review and apply…" }).click();
    await page.getByLabel("Token of the daemon").fill(TOKEN);
    await page.getByRole("button", { name: "Apply", exact: true }).click();
    await page.locator("main").getByText("(generation 2)").waitFor();
    // It is not denied any more, and there is no such host.
    assert.match(await statusOf(gate, "CONNECT registry.invalid:443 HTTP/1.1\r\nHost: registry.invalid:443\r\n\r\n"), /^HTTP\/1\.1 502 /);
  });
});

/** Sends a request to the gate, and returns the status line of its response. */
function statusOf(port, request) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let text = "";
    socket.on("data", (data) => {
      text += data;
      if (!text.includes("\r\n")) return;
      socket.destroy();
      resolve(text.split("\r\n")[0]);
    });
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`the gate ended the connection: ${text}`)));
  });
}
