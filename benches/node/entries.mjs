// The check of one entry beside validators of parts of it. They know neither wildcards, schemes, namespaces, warnings,
// places nor fixes; each is measured on what it can tell valid from invalid, together with pullgate on the same.

import ipaddr from "ipaddr.js";
import isCidr from "is-cidr";
import validator from "validator";
import { checkEntry } from "../../pkg/inline.js";
import { measure } from "./stopwatch.mjs";

// Texts, and whether they are entries.
const TEXTS = {
  address: [["10.2.40.40", true], ["192.168.100.207", true], ["2001:db8::40", true], ["256.1.1.1", false]],
  network: [["10.2.2.0/24", true], ["172.16.0.0/12", true], ["10.2.2.0/33", false]],
  name: [["harbor.example.com", true], ["registry-1.eu.example.net", true], ["h_r.example.com", false]],
  "name and port": [["harbor.example.com:5000", true], ["r.example.net:443", true], ["r.example.net:99999", false]],
};

const PEERS = {
  validator: {
    address: (text) => validator.isIP(text),
    network: (text) => validator.isIPRange(text),
    name: (text) => validator.isFQDN(text),
    "name and port": (text) => {
      const [name, port] = text.split(":");
      return validator.isFQDN(name) && validator.isPort(port);
    },
  },
  "ipaddr.js": { address: (text) => ipaddr.isValid(text), network: (text) => ipaddr.isValidCIDR(text) },
  "is-cidr": { network: (text) => isCidr(text) !== 0 },
};

export async function measureEntries({ isQuick }) {
  const kinds = Object.keys(TEXTS);
  const checkers = [["pullgate", Object.fromEntries(kinds.map((kind) => [kind, isValid]))], ...Object.entries(PEERS)];
  const measured = [];
  for (const [name, checks] of checkers) {
    for (const [kind, check] of Object.entries(checks)) {
      for (const [text, expected] of TEXTS[kind]) {
        if (check(text) !== expected) throw new Error(`${name} takes ${text} for ${expected ? "no" : "an"} entry`);
      }
      measured.push({ name, kind, call: () => TEXTS[kind].forEach(([text]) => check(text)) });
    }
  }
  const times = await measure(measured.map(({ call }) => call), { isQuick });
  // In microseconds, for one text.
  const time = (of, kind) => {
    const index = measured.findIndex((one) => one.name === of && one.kind === kind);
    return index < 0 ? null : (times[index] * 1_000) / TEXTS[kind].length;
  };
  const rows = kinds.map((kind) => {
    const each = checkers.map(([name]) => time(name, kind));
    return [kind, ...each, each[0] / time("validator", kind)];
  });
  return { columns: ["kind of entry", ...checkers.map(([name]) => `${name}, µs`), "pullgate of validator"], rows };
}

function isValid(text) {
  return !checkEntry(text, "whitelist").findings.some(({ severity }) => severity === "error");
}
