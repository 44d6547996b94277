// Takes the pictures of the documentation, `docs/images`, of the built page with a real daemon and its gate: `node
// pictures.mjs`, after `cargo xtask web` and `cargo build --release -p pullgate-cli`.

import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { close, withPage } from "./browser.mjs";
import * as form from "./form.mjs";
import { forwardTo, freePort, startDaemon } from "./real_daemon.mjs";

const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const POLICY = { whitelist: ["10.2.40.40:443", "harbor.corp.local"], insecure: ["10.2.0.0/16", "*.example.com"] };

const ends = [];
const gate = await freePort();
const socket = join(tmpdir(), `pullgate-pictures-${process.pid}.sock`);
const args = ["--gate", `127.0.0.1:${gate}`, "--docker-socket", socket];
try {
  const { address } = await startDaemon({ after: (end) => ends.push(end) }, POLICY, { args });
  for (const host of ["quay.io:443", "harbor.corp.local:443", "untrusted.example.org:443"]) await ask(host);
  const viewport = { width: 1240, height: 1120 };
  await withPage({ server: { daemon: forwardTo(address) }, viewport }, async (page) => {
    await page.locator("main").getByText("(generation 1)").waitFor();
    await form.field(page, 3).fill("10.2.2.1/24");
    await form.decisionOf(page, "10.2.2.5:5000/team/app:1.0");
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path: `${images}page.png`, animations: "disabled" });
    await form.output(page).getByRole("tab", { name: "Podman, CRI-O" }).click();
    await page.locator(".export[aria-busy=false] .exported-file").first().waitFor();
    await form.output(page).getByText("Narrower", { exact: true }).first().waitFor();
    await page.mouse.move(0, 0);
    await page.setViewportSize({ width: 1000, height: 2400 });
    await form.output(page).screenshot({ path: `${images}settings.png`, animations: "disabled" });
    const panel = page.getByRole("region", { name: "Through the gate" });
    await panel.locator("[data-registry]").nth(2).waitFor();
    await panel.screenshot({ path: `${images}gate.png`, animations: "disabled" });
  });
} finally {
  await close();
  for (const end of ends) await end();
}

/** Asks the gate for a tunnel, and waits for its answer. */
async function ask(host) {
  const client = connect(gate, "127.0.0.1", () => client.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
  client.on("data", () => client.destroy());
  await once(client, "close");
}
