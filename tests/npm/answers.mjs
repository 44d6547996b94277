// Answers of a set of functions to every case of tests/vectors: `{type, name, value}`, with the name of the package's type.

import { readdirSync, readFileSync } from "node:fs";

// The time of cases without one, as in the Rust harness.
const DEFAULT_TIME = 1_800_000_000;

const folder = new URL("../vectors/", import.meta.url);
const certificates = new URL("../certificates/", import.meta.url);

export function answers({ checkCertificates, checkEntry, checkPolicy, compare, loadPolicy, narrow }) {
  const all = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "schema.json").sort()) {
    for (const { name, entry, pem, document, documentText, policy, requests = [], at = DEFAULT_TIME, ...analysis } of casesOf(file)) {
      const answer = (type, value) => all.push({ type, name, value });
      if (entry !== undefined) answer("EntryReport", checkEntry(entry.text, entry.list));
      // Other forms of bytes are tested with the module itself.
      if (typeof pem === "string") answer("CertificateReport", checkCertificates(pem, at));
      else if (pem?.files) answer("CertificateReport", checkCertificates(pem.files.map(read).join(""), at));
      const { compare: change, narrow: narrowing } = analysis;
      if (change) answer("CompareResult", compare(...[change.old, change.new].map(textOf), at));
      if (narrowing) answer("NarrowResult", narrow(...[narrowing.policy, narrowing.remote].map(textOf), at));
      const text = documentText ?? withFiles(JSON.stringify(document ?? policy));
      if (text === undefined) continue;
      answer("PolicyReport", checkPolicy(text, at));
      const loaded = loadPolicy(text, at);
      answer("Finding[]", loaded.findings);
      if (!loaded.ok) continue;
      answer("TrustAnchor[]", loaded.policy.authorities().map(inHexadecimal));
      for (const request of requests.map(requestOf)) {
        answer("Decision", loaded.policy.decide(request));
        answer("Explanation", loaded.policy.explain(request));
      }
      loaded.policy[Symbol.dispose]();
    }
  }
  return all;
}

/** Returns the documents of the cases of one rule that say whether they load: `{name, text, at, loads}`. */
export function documentsOf(wanted) {
  const documents = casesOf("certificates.json").concat(casesOf("document.json")).flatMap(
    ({ rule, name, document, documentText, at = DEFAULT_TIME, expect }) => {
      if (![rule].flat().includes(wanted) || expect?.loads === undefined) return [];
      return [{ name, text: documentText ?? textOf(document), at, loads: expect.loads }];
    },
  );
  if (!documents.some(({ loads }) => loads) || documents.every(({ loads }) => loads)) throw new Error("too few cases");
  return documents;
}

function casesOf(file) {
  return JSON.parse(readFileSync(new URL(file, folder), "utf8")).cases;
}

function textOf(document) {
  return withFiles(JSON.stringify(document));
}

// Replaces strings such as "file:ca.pem" by the text of that file.
function withFiles(document) {
  return document?.replace(/"file:([^"]*)"/g, (_, name) => JSON.stringify(read(name)));
}

function read(name) {
  return readFileSync(new URL(name, certificates), "utf8");
}

function inHexadecimal(authority) {
  return { ...authority, der: Buffer.from(authority.der).toString("hex") };
}

function requestOf({ reference, login, project, dnsAnswers = {} }) {
  return {
    reference: reference ?? login,
    kind: reference === undefined ? "registry" : "image",
    project,
    dnsAnswers: Object.entries(dnsAnswers).map(([subject, answers]) => ({
      kind: /^[0-9.]+$|:/.test(subject) ? "reverse" : "forward",
      subject,
      answers,
    })),
  };
}
