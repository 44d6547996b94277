// The entry point for workerd (Cloudflare Workers), which compiles no bytes: the module is an import.

import module from "./dist/pullgate_bg.wasm";
import digest from "./dist/digest.js";
import { api } from "./lib/api.js";

export const {
  checkCertificates, checkEntry, checkPolicy, compare, loadPolicy, moduleDigest, narrow, ready, rules, version,
} = /* @__PURE__ */ api({ start: () => ({ module, digest }) });
