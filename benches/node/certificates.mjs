// Mozilla's bundle, as Node.js has it, through the package and through other parsers. Each parses the whole text and
// returns subject, end of validity, key size, CA flag and SHA-256 of every certificate; pullgate also checks them.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { checkCertificates } from "../../pkg/inline.js";
import { measure } from "./stopwatch.mjs";

const PEERS = { "node-forge": "./peer-forge.mjs", "@peculiar/x509": "./peer-peculiar.mjs", pkijs: "./peer-pkijs.mjs" };
const COLUMNS = ["parser", "certificates read", "ms for the bundle", "of pullgate", "KB with gzip"];

export async function measureCertificates({ isQuick }) {
  const bundle = rootCertificates.join("\n") + "\n";
  const parsers = [{ name: "pullgate, which also checks them", describe: pullgate, bytes: packageBytes() }];
  for (const [name, file] of Object.entries(PEERS)) {
    const { describe } = await import(file);
    parsers.push({ name, describe, bytes: await bundledBytes(file) });
  }
  const folder = mkdtempSync(join(tmpdir(), "pullgate-bench-"));
  try {
    const file = join(folder, "bundle.pem");
    writeFileSync(file, bundle);
    parsers.push({ name: "`openssl storeutl`, a process", describe: () => openssl(file), bytes: null });
    const times = await measure(parsers.map(({ describe }) => () => describe(bundle)), { isQuick });
    const rows = [];
    for (const [index, { name, describe, bytes }] of parsers.entries()) {
      const read = (await describe(bundle)).filter((certificate) => certificate !== null).length;
      const count = `${read} of ${rootCertificates.length}`;
      rows.push([name, count, times[index], times[index] / times[0], bytes && bytes / 1_000]);
    }
    return { columns: COLUMNS, rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function pullgate(pem) {
  const report = checkCertificates(pem);
  const errors = report.certificates.flatMap(({ findings }) => findings).concat(report.findings);
  const bad = errors.find(({ severity, code }) => severity === "error" && code !== "certificate-expired");
  if (bad) throw new Error(`an error on a root: ${JSON.stringify(bad)}`);
  return report.certificates;
}

function openssl(file) {
  const options = { encoding: "utf8", maxBuffer: 1 << 26 };
  const text = execFileSync("openssl", ["storeutl", "-noout", "-text", "-certs", file], options);
  return Array(text.split("Certificate:\n").length - 1).fill({});
}

function packageBytes() {
  const files = ["pullgate_bg.wasm", "pullgate.js"].map((name) => new URL(`../../pkg/dist/${name}`, import.meta.url));
  return files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
}

/** Returns the bytes of a parser with all that it imports, minified, with gzip. */
async function bundledBytes(file) {
  const entryPoints = [new URL(file, import.meta.url).pathname];
  const options = { bundle: true, minify: true, write: false, format: "esm", platform: "browser", logLevel: "error" };
  const { outputFiles } = await build({ entryPoints, ...options });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
