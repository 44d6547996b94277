// The module built by `cargo xtask module`, instantiated.

import { readFileSync } from "node:fs";

const dist = new URL("../../pkg/dist/", import.meta.url);

let glue;
try {
  glue = await import(new URL("pullgate.js", dist).href);
  glue.initSync({ module: readFileSync(new URL("pullgate_bg.wasm", dist)) });
} catch (error) {
  console.error(`the module in pkg/dist does not start: run \`cargo xtask module\` first\n${error.stack ?? error}`);
  process.exit(1);
}

export const { checkCertificates, checkEntry, checkPolicy, compare, narrow, Policy } = glue;
