// The entry point for workerd (Cloudflare Workers), which compiles no bytes: the module is an import.

import module from "./dist/pullgate_bg.wasm";
import { digest } from "./dist/identity.js";
import { api } from "./lib/api.js";

export const {
  applyFix, checkCertificates, checkEntry, checkPolicy, compare, isReady, loadPolicy, moduleDigest, narrow, ready,
  rules, templateOf, version,
} = /* @__PURE__ */ api({ start: () => ({ module, digest }) });
