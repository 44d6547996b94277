// The entry point with the module inside, in base64, for bundlers that copy no files.

import base64 from "./dist/base64.js";
import digest from "./dist/digest.js";
import { api } from "./lib/api.js";

export const {
  checkCertificates, checkEntry, checkPolicy, compare, loadPolicy, moduleDigest, narrow, ready, rules, version,
} = /* @__PURE__ */ api({ start });

function start() {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { module: new WebAssembly.Module(bytes), digest };
}
