// `ready` of the browser entry point, run in Node on the same files.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

const root = new URL(".", import.meta.resolve("pullgate/package.json"));
const bytes = readFileSync(new URL("dist/pullgate_bg.wasm", root));
const component = readFileSync(new URL("dist/pullgate.component.wasm", root));
const digest = JSON.parse(readFileSync(new URL("package.json", root), "utf8")).wasm.sha256;

let server;
let address;
let asked = 0;
before(async () => {
  server = createServer((request, response) => {
    asked += 1;
    response.statusCode = request.url === "/pullgate_bg.wasm" ? 200 : 404;
    // No MIME type, as from servers that do not know one for it.
    response.end(response.statusCode === 200 ? bytes : "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}/pullgate_bg.wasm`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

// Each test imports its own copy of the package, without a loaded module.
let pullgate;
let copies = 0;
beforeEach(async () => {
  pullgate = await import(new URL(`browser.js?${++copies}`, root));
  asked = 0;
});

function works(known) {
  assert.equal(pullgate.checkEntry("Harbor.Corp.Local.", "whitelist").entry, "harbor.corp.local");
  assert.equal(pullgate.moduleDigest(), known);
}

test("before it, every call says what is missing, and nothing was fetched", () => {
  for (const call of [
    () => pullgate.checkEntry("a.corp", "whitelist"),
    () => pullgate.checkPolicy("{}"),
    () => pullgate.loadPolicy("{}"),
    () => pullgate.moduleDigest(),
    () => pullgate.rules(),
  ]) {
    assert.throws(call, /`await ready\(\)` comes first/);
  }
  assert.equal(asked, 0);
});

test("bytes", async () => {
  await pullgate.ready(bytes);
  works(digest);
});

test("an ArrayBuffer", async () => {
  await pullgate.ready(new Uint8Array(bytes).buffer);
  works(digest);
});

test("a compiled module, without bytes to hash", async () => {
  await pullgate.ready(new WebAssembly.Module(bytes));
  works(undefined);
});

test("a URL", async () => {
  await pullgate.ready(new URL(address));
  works(digest);
});

test("an address", async () => {
  await pullgate.ready(address);
  works(digest);
});

test("a Response, or a promise of one", async () => {
  await pullgate.ready(fetch(address));
  works(digest);
});

test("many calls at once load it once, and so do later ones", async () => {
  await Promise.all([pullgate.ready(address), pullgate.ready(address), pullgate.ready(address)]);
  await pullgate.ready(address);
  assert.equal(asked, 1);
  works(digest);
});

test("the promise is one and the same, before and after", async () => {
  const first = pullgate.ready(address);
  assert.equal(pullgate.ready(address), first);
  assert.equal(pullgate.isReady(), false);
  await first;
  assert.equal(pullgate.isReady(), true);
  assert.equal(pullgate.ready(), first);
});

// Each error names pullgate, the cause and the remedy.
const REMEDY = ".*optimizeDeps.*`pullgate/inline`.*`pullgate/pullgate.wasm`";
const ANOTHER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const page = () => new Response("\n<!doctype html><title>An application</title>");
const REFUSED = [
  ["a missing file", () => `${address}.gone`, `^Error: pullgate: http.*gone has no module \\(status 404\\): ${REMEDY}`],
  ["a page in place of the module", page, `^Error: pullgate: the source is an HTML page .*: ${REMEDY}`],
  ["other bytes", () => new Uint8Array(8), `^Error: pullgate: the source is no WebAssembly module: ${REMEDY}`],
  ["no bytes", () => new Uint8Array(), "is no WebAssembly module"],
  ["the component", () => component, "is the component: .*`pullgate/pullgate.wasm`"],
  ["a cut module", () => bytes.subarray(0, 5_000), "^Error: pullgate: the source cannot be compiled: "],
  ["another module", () => ANOTHER, "^Error: pullgate: the module is not pullgate's: use `pullgate/pullgate.wasm`"],
  ["a server that is down", () => "http://127.0.0.1:1/x", "pullgate: http.*/x cannot be fetched: .*`connect-src`"],
  ["a file", () => new URL("dist/pullgate_bg.wasm", root), "pullgate: file:.* cannot be fetched: .*`pullgate/inline`"],
];

for (const [name, source, message] of REFUSED) {
  test(`${name} is refused with a remedy, and \`ready\` can be called again`, async () => {
    await assert.rejects(pullgate.ready(source()), new RegExp(message));
    assert.throws(() => pullgate.version(), /comes first/);
    await pullgate.ready(address);
    works(digest);
  });
}

test("a value that is no source is a TypeError", async () => {
  for (const source of [{}, 7, null, new Map(), Promise.resolve({})]) {
    await assert.rejects(pullgate.ready(source), /^TypeError: `source` must be/);
  }
});

test("a failure is kept for a second, then the same source is tried again", async (context) => {
  context.mock.timers.enable({ apis: ["Date"] });
  const gone = `${address}.gone`;
  const failure = pullgate.ready(gone);
  await assert.rejects(failure);
  assert.equal(pullgate.ready(gone), failure);
  assert.equal(asked, 1);
  context.mock.timers.tick(1_000);
  await assert.rejects(pullgate.ready(gone));
  assert.equal(asked, 2);
});
