// The validators of ../browser.js.

import { checkCertificates, checkEntry, checkPolicy } from "../browser.js";
import { schemas } from "../lib/schemas.js";

export const { blockedEntry, builtInEntry, certificates, insecureEntry, policy, policyOf, policyText, whitelistEntry } =
  /* @__PURE__ */ schemas({ checkCertificates, checkEntry, checkPolicy });
