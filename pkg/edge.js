// The entry point for edge functions (Next.js, Vercel), which compile no bytes: the module is an import with `?module`.

import module from "./dist/pullgate_bg.wasm?module";
import { digest } from "./dist/identity.js";
import { api } from "./lib/api.js";

export const {
  applyFix, checkCertificates, checkEntry, checkPolicy, compare, isReady, loadPolicy, moduleDigest, narrow, ready,
  rules, templateOf, version,
} = /* @__PURE__ */ api({ start: () => ({ module, digest }) });
