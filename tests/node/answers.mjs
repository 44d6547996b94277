// The module's answers to a case of tests/vectors, in the form and the order of the Rust harness.

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { checkCertificates, checkEntry, checkPolicy, compare, narrow, Policy } from "./module.mjs";

// The time of cases without one, as in the Rust harness.
const DEFAULT_TIME = 1_800_000_000;

const certificates = new URL("../certificates/", import.meta.url);

// Returns the answers, one a line: name of the case, function and answer, separated by tabs.
export function answersTo(asked) {
  const lines = [];
  answer(asked, (what, text) => lines.push(`${asked.name}\t${what}\t${text}\n`));
  return lines.join("");
}

function answer({ entry, pem, document, documentText, policy, compare: change, narrow: remote, requests, at = DEFAULT_TIME }, line) {
  if (entry !== undefined) {
    line("entry", JSON.stringify(checkEntry(entry.text, entry.list)));
  }
  if (pem !== undefined) {
    const bytes = bundleOf(pem);
    const said = JSON.stringify(checkCertificates(bytes, at));
    const ofText = pem.hex === undefined ? JSON.stringify(checkCertificates(bytes.toString(), at)) : said;
    if (said !== ofText) throw new Error(`of bytes it says ${said}, and of their text ${ofText}`);
    line("certificates", said);
  }
  if (document !== undefined || documentText !== undefined) {
    const text = documentText ?? withFiles(JSON.stringify(document));
    line("check", JSON.stringify(checkPolicy(text, at)));
    const loaded = Policy.load(text, at);
    line("load", loading(loaded));
    if (loaded.ok) {
      line("authorities", anchors(loaded.policy));
      loaded.policy.free();
    }
  }
  if (change !== undefined) {
    const { ok, comparison, ...findings } = compare(JSON.stringify(change.old), JSON.stringify(change.new), at);
    line("compare", JSON.stringify(ok ? comparison : { first: findings.first, second: findings.second }));
  }
  if (remote !== undefined) {
    const { ok, document: narrowed, uncovered, first, second } = narrow(JSON.stringify(remote.policy), JSON.stringify(remote.remote), at);
    line("narrow", ok ? narrowed : JSON.stringify(uncovered ?? { first, second }));
  }
  if (policy !== undefined) {
    const loaded = Policy.load(withFiles(JSON.stringify(policy)), at);
    line("load", loading(loaded));
    if (!loaded.ok) return;
    line("authorities", anchors(loaded.policy));
    requests.forEach((request, index) => {
      const asked = requestOf(request);
      const text = loaded.policy.decideText(asked);
      const object = JSON.stringify(loaded.policy.decide(asked));
      if (object !== text) throw new Error(`\`decide\` says ${object}, and \`decideText\` says ${text}`);
      line(`decide ${index}`, text);
      line(`explain ${index}`, JSON.stringify(loaded.policy.explain(asked)));
    });
    loaded.policy.free();
  }
}

// Returns the bytes to check, from text or from a recipe.
function bundleOf(pem) {
  const { text = "", files, hex, times = 1 } = typeof pem === "string" ? { text: pem } : pem;
  const once = hex === undefined ? Buffer.from(files?.map(certificateFile).join("") ?? text) : Buffer.from(hex, "hex");
  return Buffer.concat(new Array(times).fill(once));
}

// Replaces strings such as "file:ca.pem" by the text of that file.
function withFiles(document) {
  return document.replace(/"file:([^"]*)"/g, (_, name) => JSON.stringify(certificateFile(name)));
}

function certificateFile(name) {
  return readFileSync(new URL(name, certificates), "utf8");
}

// Returns the fingerprint, title, size and validity of each trust anchor.
function anchors(policy) {
  const anchor = ({ fingerprint, title, der, notBefore, notAfter }) =>
    ({ fingerprint, title, bytes: der.length, from: notBefore, until: notAfter });
  return JSON.stringify(policy.authorities().map(anchor));
}

function loading({ ok, findings }) {
  return JSON.stringify({ loads: ok, findings });
}

// Returns the module's form of a request. The subject of a DNS answer gives its kind: an address asks for names.
function requestOf({ reference, login, project, dnsAnswers = {} }) {
  const request = {
    reference: reference ?? login,
    kind: reference === undefined ? "registry" : "image",
    // In the order of the Rust harness: explanations name DNS answers in the order of the request.
    dnsAnswers: Object.entries(dnsAnswers).sort(([one], [two]) => (one < two ? -1 : 1)).map(([subject, answers]) => ({
      kind: isIP(subject) === 0 ? "forward" : "reverse",
      subject,
      answers,
    })),
  };
  return project === undefined ? request : { ...request, project };
}
