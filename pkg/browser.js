// The entry point for browsers: `ready` fetches the module. Bundlers recognise this form of URL and copy the file.

import { api } from "./lib/api.js";

export const {
  applyFix, checkCertificates, checkEntry, checkPolicy, compare, isReady, loadPolicy, moduleDigest, narrow, ready,
  rules, templateOf, version,
} = /* @__PURE__ */ api({ address: () => new URL("./dist/pullgate_bg.wasm", import.meta.url) });
