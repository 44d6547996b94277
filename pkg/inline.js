// The entry point with the module inside, in base64: for Node, Deno and Bun, where it survives every bundler, and for
// bundlers for browsers that copy no files.

import base64 from "./dist/base64.js";
import { digest } from "./dist/identity.js";
import { api } from "./lib/api.js";
import { decodeBase64 } from "./lib/base64.js";
import { compileSync } from "./lib/load.js";

export const {
  applyFix, checkCertificates, checkEntry, checkPolicy, compare, isReady, loadPolicy, moduleDigest, narrow, ready,
  rules, templateOf, version,
} = /* @__PURE__ */ api({ start: () => ({ module: compileSync(decodeBase64(base64)), digest }) });
