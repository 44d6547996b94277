// Browsers: the module is fetched by `ready`. Bundlers know the form of its address, and copy the file.

import { api } from "./lib/api.js";

export const {
  checkCertificates, checkEntry, checkPolicy, compare, loadPolicy, moduleDigest, narrow, ready, rules, version,
} = /* @__PURE__ */ api({ address: () => new URL("./dist/pullgate_bg.wasm", import.meta.url) });
