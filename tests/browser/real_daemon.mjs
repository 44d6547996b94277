// A real daemon, `pullgate serve`, behind the server of this build of the page.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "./program.mjs";

/**
 * Starts the daemon with a policy, and returns its address and the policy file once it is ready. With a token it takes
 * policy updates. `args` are further arguments. It ends with the test.
 */
export async function startDaemon(context, policy, { token, args: more = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "pullgate-page-"));
  const file = join(folder, "policy.json");
  writeFileSync(file, JSON.stringify(policy));
  const address = `127.0.0.1:${await freePort()}`;
  const args = ["serve", "--listen", address, "--policy", file, "--audit", "off", ...more];
  if (token !== undefined) {
    writeFileSync(join(folder, "token"), token, { mode: 0o600 });
    args.push("--allow-policy-updates", "--token-file", join(folder, "token"));
  }
  const daemon = spawn(program(), args, { cwd: folder });
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
    if (ready?.ok) return { address: `http://${address}`, file };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the daemon did not start:\n${log}`);
}

const PATHS = ["module", "policy", "daemon", "explain", "probe", "export", "import", "gate"].map((name) => `v1/${name}`);

/** Returns responses for the page's server that are the daemon's. */
export function forwardTo(address) {
  return Object.fromEntries(PATHS.map((path) => [path, (body, request) => ask(`${address}/${path}`, body, request)]));
}

const FORWARDED_HEADERS = ["accept", "authorization", "content-type", "if-match", "if-none-match"];

/** Requests a path of the daemon as the page did, and returns its response unchanged. */
async function ask(address, body, { method, headers }) {
  const forwarded = Object.fromEntries(FORWARDED_HEADERS.filter((name) => headers[name]).map((name) => [name, headers[name]]));
  const response = await fetch(address, {
    method,
    headers: forwarded,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    headers: Object.fromEntries(["etag", "pullgate-generation"].flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    })),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

/** Listens on a free port of loopback. */
export async function listen(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: server.address().port };
}

export async function freePort() {
  const { server, port } = await listen();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
