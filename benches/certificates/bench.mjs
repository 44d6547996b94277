// Compares the module with other parsers on the Mozilla bundle of Node.js. Each parses the whole text and returns subject,
// end of validity, key size, CA flag and SHA-256 of every certificate; the module also checks them.
//
//   npm ci && npm run bench        (after `cargo xtask module`)

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const ROUNDS = 15;
const pem = rootCertificates.join("\n") + "\n";
const now = Math.floor(Date.now() / 1000);

const dist = new URL("../../pkg/dist/", import.meta.url);
const wasm = readFileSync(new URL("pullgate_bg.wasm", dist));
const glueText = readFileSync(new URL("pullgate.js", dist));
const glue = await import(new URL("pullgate.js", dist).href);
glue.initSync({ module: wasm });

function pullgate(text) {
  const report = glue.checkCertificates(text, now);
  const errors = report.certificates.flatMap(({ findings }) => findings).concat(report.findings);
  const bad = errors.filter(({ severity, code }) => severity === "error" && code !== "certificate-expired");
  if (bad.length > 0) throw new Error(`an error on a root: ${JSON.stringify(bad[0])}`);
  return report.certificates;
}

async function weigh(file) {
  const entryPoints = [new URL(file, import.meta.url).pathname];
  const options = { bundle: true, minify: true, write: false, format: "esm", platform: "browser", logLevel: "error" };
  const { outputFiles } = await build({ entryPoints, ...options });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const folder = mkdtempSync(join(tmpdir(), "pullgate-bench-"));
const bundle = join(folder, "bundle.pem");
writeFileSync(bundle, pem);
// The openssl program: its time includes the start of a process, so an empty run is shown too.
const openssl = (...args) => execFileSync("openssl", args, { encoding: "utf8", maxBuffer: 1 << 26 });
const listed = () => Array(openssl("storeutl", "-noout", "-text", "-certs", bundle).split("Certificate:\n").length - 1).fill({});

const runners = [
  { name: "pullgate (module in Node)", describe: pullgate, size: async () => gzipSync(wasm, { level: 9 }).length + gzipSync(glueText, { level: 9 }).length },
  ...["forge", "peculiar", "pkijs"].map((peer) => ({
    name: { forge: "node-forge", peculiar: "@peculiar/x509", pkijs: "pkijs" }[peer],
    file: `./peer-${peer}.mjs`,
    size: () => weigh(`./peer-${peer}.mjs`),
  })),
  { name: "openssl storeutl (a process)", describe: listed },
  { name: "openssl version (a process)", describe: () => (openssl("version"), []) },
];
for (const runner of runners) runner.describe ??= (await import(runner.file)).describe;

try {
  // Rounds in turn, so that other load on the machine affects all parsers alike.
  const times = runners.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { describe }] of runners.entries()) {
      const start = performance.now();
      await describe(pem);
      times[index].push(performance.now() - start);
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const base = median(times[0]);
  const rows = [];
  for (const [index, { name, describe, size }] of runners.entries()) {
    const read = (await describe(pem)).filter((certificate) => certificate !== null).length;
    const milliseconds = median(times[index]);
    rows.push({
      parser: name,
      read: `${read} of ${rootCertificates.length}`,
      "ms a bundle": milliseconds.toFixed(2),
      "of pullgate's": `${(milliseconds / base).toFixed(1)} x`,
      "KB with gzip": size ? ((await size()) / 1000).toFixed(1) : "",
    });
  }
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}
