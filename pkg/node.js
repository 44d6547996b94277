// The entry point for Node, Deno and Bun: the module is a file, read at the first call.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { api } from "./lib/api.js";

export const {
  checkCertificates, checkEntry, checkPolicy, compare, loadPolicy, moduleDigest, narrow, ready, rules, version,
} = /* @__PURE__ */ api({ start });

function start() {
  const bytes = readFileSync(new URL("./dist/pullgate_bg.wasm", import.meta.url));
  return { module: new WebAssembly.Module(bytes), digest: createHash("sha256").update(bytes).digest("hex") };
}
