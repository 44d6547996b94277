// Compares the page and the package alone with `validator`, `ipaddr.js` and `@peculiar/x509` in the same Chromium, and
// prints a Markdown table. `npm ci && npm run bench`, after `npm ci && npm run build` in www.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { serve } from "./server.mjs";
import { chromiumOptions } from "../../tests/chromium.mjs";
import { checks, firstKeystroke, keystroke } from "./stopwatch.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const page = at("../../www/dist");
if (!existsSync(page)) throw new Error("the page is not built: run `npm ci && npm run build` in www");

const ROUNDS = 9;
// The network of a remote office.
const SLOW_NETWORK = { offline: false, latency: 40, downloadThroughput: 10e6 / 8, uploadThroughput: 10e6 / 8 };
const ENTRIES = ["10.2.40.40:443", "10.2.2.0/24", "harbor.example.com", "192.168.100.207:5000", "256.1.1.1", "h_r.example:99999"];
const pem = readFileSync(at("../../tests/certificates/ca.pem"), "utf8");

for (const name of ["package", "peers"]) {
  await build({
    root: at("."),
    logLevel: "warn",
    build: {
      outDir: at(`.work/${name}`),
      emptyOutDir: true,
      target: "es2023",
      modulePreload: { polyfill: false },
      rolldownOptions: { input: at(`${name}.html`) },
    },
  });
}

const subjects = [
  { title: "the page", folder: page, file: "", field: "li.row input", error: "li.row .finding-text" },
  { title: "pullgate alone, one field", folder: at(".work/package"), file: "package.html", field: "#field", error: "#error" },
  { title: "validator + ipaddr.js + @peculiar/x509, one field", folder: at(".work/peers"), file: "peers.html", field: "#field", error: "#error" },
];
const browser = await chromium.launch(chromiumOptions());

const measured = new Map(subjects.map((subject) => [subject, { near: [], far: [], keys: [], bytes: 0 }]));
// In turns, so that other load on the machine affects all subjects alike.
for (let round = 0; round < ROUNDS; round += 1) {
  for (const subject of subjects) {
    const found = measured.get(subject);
    for (const [where, network] of [["near", undefined], ["far", SLOW_NETWORK]]) await visit(subject, found, where, network);
  }
}
await browser.close();

const row = (cells) => `| ${cells.join(" | ")} |`;
console.log(row(["", "KB over the wire, gzip", "first validated key, ms", "at 10 Mbit/s and 40 ms", "a key to its message, ms", "one entry, µs", "one certificate, µs"]));
console.log(row(["---", ...Array(6).fill("---:")]));
for (const [{ title }, { bytes, near, far, keys, entry, certificate }] of measured) {
  const small = (time) => time === undefined ? "" : time < 0.05 ? "< 0.1" : time.toFixed(time < 10 ? 1 : 0);
  console.log(row([title, Math.round(bytes / 1000), small(median(near)), small(median(far)), small(median(keys)), small(entry), small(certificate)]));
}

async function visit({ folder, file, field, error }, found, where, network) {
  const server = await serve(folder);
  const context = await browser.newContext();
  const tab = await context.newPage();
  if (network) await (await context.newCDPSession(tab)).send("Network.emulateNetworkConditions", network);
  await tab.addInitScript(firstKeystroke, { field, error });
  await tab.goto(`${server.address}${file || "index.html"}`);
  await tab.waitForFunction(() => window.validatedAt);
  found[where].push(await tab.evaluate(() => window.validatedAt));
  found.bytes = server.bytes();
  if (where === "near") {
    found.keys.push(await tab.evaluate(keystroke, { field, error }));
    if (file) Object.assign(found, best(found, await tab.evaluate(checks, { entries: ENTRIES, pem })));
  }
  await context.close();
  server.end();
}

function best({ entry = Infinity, certificate = Infinity }, now) {
  return { entry: Math.min(entry, now.entry), certificate: Math.min(certificate, now.certificate) };
}

function median(times) {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}
