// Traps of the module: nothing is valid or allowed because of one. `WebAssembly.Instance` is wrapped before the package is
// loaded, so that the next call into the module really traps: the package itself has no such switch.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

// (module (func (export "trap") unreachable))
const TRAP = "0061736d0100000001040160000003020100070801047472617000000a05010300000b";
const { trap } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(TRAP, "hex"))).exports;

let instances = 0;
let failure;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const { exports } = new Instance(module, imports);
  const broken = { dead: false };
  instances += 1;
  const wrapped = Object.entries(exports).map(([name, value]) => {
    // Except memory and stack pointer, which the glue sets right after a trap.
    if (typeof value !== "function" || name.startsWith("__wbindgen")) return [name, value];
    return [
      name,
      (...values) => {
        assert.ok(!broken.dead, `\`${name}\` was called in an instance that had trapped`);
        if (failure === undefined) return value(...values);
        const fail = failure;
        failure = undefined;
        broken.dead = true;
        return fail();
      },
    ];
  });
  return { exports: Object.fromEntries(wrapped) };
};

const { checkCertificates, checkEntry, checkPolicy, loadPolicy, version } = await import("pullgate");
const { certificates, policy: policySchema, whitelistEntry } = await import("pullgate/schema");

const { policy } = loadPolicy({ whitelist: ["*.example.com"] }, 0);

function exhausted() {
  return exhausted() + 1;
}

/** Calls with a trap in the middle. Checks that the calls before and after succeed, in different instances. */
function trapped(call, fail = trap) {
  const before = instances;
  failure = fail;
  let answer;
  try {
    answer = call();
  } finally {
    assert.equal(failure, undefined, "nothing was called");
    failure = undefined;
  }
  works();
  assert.equal(instances, before + 1);
  return answer;
}

function works() {
  assert.equal(checkEntry("Harbor.Corp.Local.", "whitelist").entry, "harbor.corp.local");
  assert.equal(policy.decide("a.example.com/b").decision, "allow");
  assert.equal(policy.decide("alpine").reason, "not-whitelisted");
}

function isInternal({ findings, ...rest }, expected) {
  assert.deepEqual(findings.map(({ code, severity }) => [code, severity]), [["internal", "error"]]);
  assert.deepEqual(rest, expected);
}

beforeEach(works);

test("the simulated traps are traps", () => {
  assert.throws(trap, WebAssembly.RuntimeError);
  assert.throws(exhausted, RangeError);
});

test("a check finds that it could not check, and has no result besides", () => {
  isInternal(trapped(() => checkEntry("a.example.com", "whitelist")), { text: "a.example.com" });
  isInternal(trapped(() => checkCertificates("")), { certificates: [] });
  isInternal(trapped(() => checkPolicy({})), {});
  isInternal(trapped(() => loadPolicy({})), { ok: false });
});

test("a decision is a denial", () => {
  const denied = ({ reference, decision, reason }) => {
    assert.deepEqual([reference, decision, reason], ["a.example.com/b", "deny", "internal"]);
  };
  denied(trapped(() => policy.decide("a.example.com/b")));
  denied(trapped(() => policy.decide({ reference: "a.example.com/b" })));
  const many = trapped(() => policy.decideMany(["a.example.com/b", { reference: "a.example.com/b" }]));
  assert.equal(many.length, 2);
  many.forEach(denied);
  const explained = trapped(() => policy.explain("a.example.com/b"));
  denied(explained);
  assert.deepEqual(explained.steps.map(({ kind }) => kind), ["outcome"]);
});

test("a password is not repeated: at least what the module masks is masked", () => {
  const isMasked = (text, shown, module) => {
    const [before, after] = [Array.from(shown), Array.from(module)];
    return Array.from(text).every((character, at) => after[at] === character || before[at] !== character);
  };
  const digest = `@sha256:${"a".repeat(64)}`;
  for (const text of [
    "user:hunter2@h.example/x",
    "https://user:hunter2@h.example/x",
    " \tuser:hunter2@h.example",
    "us\u{e9}r:\u{5bc6}\u{1f600}hunter2@h.example",
    "a@b:hunter2@h.example",
    "1http://user:hunter2@h.example",
    `user:hunter2@h.example/x${digest}${digest}`,
    `h.example/x${digest}`,
    `user:hunter2/x${digest}`,
    `https://user:hunter2/x${digest}`,
    `user:hunter2${digest}`,
    "user:hunter2/x@sha256:abc",
    "hunter2/x@h.example:5000",
    "h.example/x",
    "@",
    "",
  ]) {
    const { text: masked } = checkEntry(text, "whitelist");
    const { text: shown } = trapped(() => checkEntry(text, "whitelist"));
    assert.doesNotMatch(masked + shown, /hunter2/);
    assert.ok(isMasked(text, shown, masked), `${shown} of ${masked}`);
    assert.equal(shown.length, text.length);
    for (const ask of [(one) => policy.decide(one), (one) => policy.decideMany([one])[0], (one) => policy.explain(one)]) {
      assert.equal(trapped(() => ask(text)).reference, shown);
      assert.equal(trapped(() => ask({ reference: text })).reference, shown);
    }
  }
  for (const text of [`h.example/x${digest}`, `h.example:5000/x:1${digest}`, "h.example/x:1"]) {
    assert.equal(trapped(() => policy.decide(text)).reference, text);
  }
});

test("functions without input throw", () => {
  assert.throws(() => trapped(() => policy.authorities()), (error) => error.cause instanceof WebAssembly.RuntimeError);
  works();
  assert.throws(() => trapped(() => version()), (error) => error.cause instanceof WebAssembly.RuntimeError);
});

test("a validator has an issue", () => {
  for (const [schema, value] of [[whitelistEntry, "a.example.com"], [certificates, ""], [policySchema, {}]]) {
    const { issues } = trapped(() => schema["~standard"].validate(value));
    assert.deepEqual(issues.map(({ code }) => code), ["internal"]);
  }
});

test("the end of the stack is a trap too", () => {
  isInternal(trapped(() => checkEntry("a.example.com", "whitelist"), exhausted), { text: "a.example.com" });
});

test("a policy that traps while it is loaded again denies, and answers the next time", () => {
  trapped(() => checkEntry("a.example.com", "whitelist"));
  const other = loadPolicy({ insecure: ["*.example.com"] }, 0).policy;
  failure = trap;
  checkEntry("a.example.com", "whitelist");
  failure = trap;
  assert.equal(other.decide("a.example.com/b").reason, "internal");
  assert.equal(other.decide("a.example.com/b").decision, "allow");
});

test("disposing of a policy whose instance trapped calls nothing in it", () => {
  const other = loadPolicy({}, 0).policy;
  failure = trap;
  checkEntry("a.example.com", "whitelist");
  other.dispose();
  works();
});

test("a mistake of the caller is no trap", () => {
  const before = instances;
  assert.throws(() => policy.decide({ reference: 7 }), TypeError);
  assert.throws(() => checkEntry(7, "whitelist"), TypeError);
  works();
  assert.equal(instances, before);
});

test("documents that could not be compared are not the same", () => {
  const { ok, first, second } = trapped(() => policy.compare({ whitelist: [] }));
  assert.equal(ok, false);
  isInternal({ findings: first }, {});
  isInternal({ findings: second }, {});
});
