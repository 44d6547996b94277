// Decides about images, with the component made into JavaScript by jco: `npm ci && npm run transpile`, and then
//
//     node decide.mjs POLICY REFERENCE...
//
// Prints the canonical text of each decision, one line of JSON. Exit code 0: all are allowed; 1: one is not; 2: the
// policy does not load. For a program in Node the package `pullgate` is the shorter way to the same module.

import { lookup, reverse } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { admission } from "./dist/pullgate.js";

// A name of an address asks for its addresses again, so that two rounds bring all that there is (rule M4).
const DNS_ROUNDS = 3;

const [policyFile, ...references] = process.argv.slice(2);
const policy = load(readFileSync(policyFile, "utf8"));
const decisions = [];
for (const reference of references) decisions.push(await decide(policy, reference));
console.log(decisions.join("\n"));
// Whatever is not `allow` is a denial: `deny`, and a `lookup` that is still open.
process.exitCode = decisions.every((text) => JSON.parse(text).decision === "allow") ? 0 : 1;

/** Loads a policy; one with errors ends the program. */
function load(document) {
  try {
    return admission.Policy.load(document, BigInt(Math.floor(Date.now() / 1000))).policy;
  } catch (findings) {
    // The error of a `result` is thrown as it is.
    if (!Array.isArray(findings)) throw findings;
    for (const finding of findings) console.error(`error[${finding.code}]: ${finding.message}`);
    process.exit(2);
  }
}

/** Decides about an image. The module has no I/O: where DNS matters it returns queries, and is asked again. */
async function decide(policy, reference) {
  const dnsAnswers = [];
  let text;
  for (let round = 0; round < DNS_ROUNDS; round++) {
    text = policy.decideText({ reference, kind: "image", dnsAnswers });
    const queries = JSON.parse(text).queries ?? [];
    if (queries.length === 0) break;
    for (const { kind, subject } of queries) dnsAnswers.push({ kind, subject, answers: await resolve(kind, subject) });
  }
  return text;
}

/** Resolves a DNS query; a failed one has no answers. */
async function resolve(kind, subject) {
  try {
    if (kind === "reverse") return await reverse(subject);
    return (await lookup(subject, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
