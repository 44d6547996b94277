// One field, checked by the package at every key press.

import { checkCertificates, checkEntry, ready } from "pullgate";
import { field } from "./field.js";

await ready();
field(
  (text) => checkEntry(text, "whitelist").findings.find(({ severity }) => severity === "error")?.message,
  (pem) => checkCertificates(pem).certificates.length,
);
