// Measures the npm package in Node.js beside other packages, and prints one JSON array of tables. `cargo xtask bench`
// runs it:
//
//   node bench.mjs [--quick] RUNNER OPA_WASM GROUP...
//
// RUNNER is the program of benches/runner, which has the inputs; OPA_WASM is empty where there is no Go to compile it.

import { measureCertificates } from "./certificates.mjs";
import { measureEngines } from "./engines.mjs";
import { measureEntries } from "./entries.mjs";

const GROUPS = { "engines-in-node": measureEngines, entries: measureEntries, certificates: measureCertificates };

const options = process.argv.slice(2);
const isQuick = options[0] === "--quick";
if (isQuick) options.shift();
const [runner, opaWasm, ...groups] = options;

const tables = [];
for (const name of groups) {
  if (!Object.hasOwn(GROUPS, name)) throw new Error(`there is no group \`${name}\``);
  console.error(`measuring ${name}`);
  const { columns, rows } = await GROUPS[name]({ isQuick, runner, opaWasm });
  tables.push({ name, columns, rows });
}
console.log(JSON.stringify(tables));
