// Memory stays flat over a million malformed calls to the package, and the next valid call is answered correctly.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, measure, run } from "../../node/memory.mjs";

// Captures the memory of the instance, which the package does not expose.
let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  memory = instance.exports.memory;
  return instance;
};

const { checkCertificates, checkEntry, checkPolicy, loadPolicy } = await import("pullgate");
const { certificates, policy: policySchema, whitelistEntry } = await import("pullgate/schema");

const { policy } = loadPolicy({ whitelist: ["*.example.com"] }, 0);
const validate = (schema, value) => schema["~standard"].validate(value);

const calls = [
  () => policy.decide(undefined),
  () => policy.decide({ reference: "a.example.com/b", facs: [] }),
  () => policy.decide("a.example.com:port/b"),
  () => policy.decideMany(["a.example.com/b", null]),
  () => policy.explain({ reference: "a.example.com/b", dnsAnswers: [{ kind: "reverse" }] }),
  () => checkEntry(17, "whitelist"),
  () => checkEntry("a.example.com", "blacklist"),
  () => checkEntry("https://user:secret@*.*.example.com:0/?q", "whitelist"),
  () => checkEntry("\ud800", "insecure"),
  () => checkCertificates({}, 0),
  () => checkCertificates("-----BEGIN CERTIFICATE-----\nAAAA", 0),
  () => checkPolicy(null, 0),
  () => checkPolicy({ whitelist: 7 }, 0),
  () => checkPolicy('{"whitelist": [', 0),
  () => loadPolicy({ whitelist: [] }, "now"),
  () => loadPolicy('{"whitelist": ["*"], "whitelist": 1}', 0),
  () => validate(whitelistEntry, 17),
  () => validate(certificates, "x"),
  () => validate(policySchema, { projects: { a: { whitelist: [7] } } }),
];

test("memory stays flat over a million malformed calls, and the next good call is answered right", () => {
  run(calls, 20_000);
  const [module, heap] = measure(memory);
  run(calls, 1_000_000);
  const [moduleAfter, heapAfter] = measure(memory);
  assert.equal(moduleAfter, module, "the module's memory grew");
  assert.ok(heapAfter - heap < 4_000_000, `JavaScript's memory grew by ${heapAfter - heap} bytes`);
  assert.equal(policy.decide("a.example.com/b").decision, "allow");
  assert.equal(policy.decide("b.example.org/b").decision, "deny");
  assert.equal(checkEntry("Harbor.Corp.Local.", "whitelist").entry, "harbor.corp.local");
});

test("undisposed policies are freed", async () => {
  const document = JSON.stringify({ whitelist: Array.from({ length: 2_000 }, (_, index) => `host-${index}.example.com`) });
  const load = async (times) => {
    for (let time = 0; time < times; time++) {
      assert.ok(loadPolicy(document, 0).ok);
      if (time % 10 === 9) {
        collect();
        // Finalization callbacks run after this task.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  };
  await load(20);
  const [module] = measure(memory);
  await load(200);
  assert.equal(measure(memory)[0], module);
});
