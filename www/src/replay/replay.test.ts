import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { loadPolicy } from "pullgate";
import { decompress, isGzip } from "./gzip";
import { parseRecord } from "./record";
import { isRecordFile, readRecords } from "./readRecords";
import { replay } from "./replay";

const HTTPS = [{ scheme: "https", port: 443, verified: true }];

const line = (members: object) =>
  JSON.stringify({ time: "2026-10-01T08:00:00.5Z", frontend: "docker", user: "", kind: "image", ...members });
const allowed = (reference: string, more: object = {}) =>
  line({ reference, decision: "allow", reason: "matched", entry: "*.corp.test", attempts: HTTPS, ...more });
const denied = (reference: string, more: object = {}) =>
  line({ reference, decision: "deny", enforced: false, reason: "not-whitelisted", ...more });

const file = (...parts: BlobPart[]) => new File(parts, "audit.jsonl");

async function report(policy: object, ...files: File[]) {
  const loaded = loadPolicy(JSON.stringify(policy));
  assert.ok(loaded.ok);
  const recorded = await readRecords(files, () => {});
  return { recorded, ...(await replay(recorded, loaded.policy, async () => {})) };
}

test("each kind of difference is a group", async () => {
  const records = [
    allowed("b.corp.test/x", { user: "alice" }),
    allowed("b.corp.test/x", { user: "bob", time: "2026-10-31T08:00:00Z" }),
    allowed("b.corp.test/y"),
    denied("quay.test/x"),
    allowed("lab.test/x"),
    denied("10.0.0.1/x"),
    allowed("kept.test/x"),
  ];
  const policy = { whitelist: ["quay.test", "kept.test", "*.example.test"], insecure: ["lab.test"] };
  const { changes, unchanged, records: count } = await report(policy, file(records.join("\n")));
  assert.deepEqual(
    changes.map(({ change, registry, records, lessSafe }) => [change, registry, records, lessSafe]),
    [
      ["newly-denied", "b.corp.test", 3, false],
      ["newly-allowed", "quay.test", 1, false],
      ["reached-otherwise", "lab.test", 1, true],
      ["undecided", "10.0.0.1", 1, false],
    ],
  );
  assert.deepEqual([count, unchanged, changes[0]?.askers, changes[1]?.notEnforced], [7, 1, ["alice", "bob", "docker"], 1]);
  assert.deepEqual([changes[0]?.example.record.reference, changes[0]?.references], ["b.corp.test/x", 2]);
});

test("DNS answers, projects and other certificate authorities on record count", async () => {
  const dnsAnswers = [
    { kind: "reverse", subject: "10.0.0.1", answers: ["a.example.test"] },
    { kind: "forward", subject: "a.example.test", answers: ["10.0.0.1"] },
  ];
  const policy = { whitelist: ["*.example.test"], projects: { team: { whitelist: ["team.test"] } } };
  const records = [denied("10.0.0.1/x", { dnsAnswers }), denied("team.test/x", { project: "team" })];
  const { changes } = await report(policy, file(records.join("\n")));
  assert.deepEqual(changes.map(({ change, registry }) => [change, registry]), [
    ["newly-allowed", "10.0.0.1"],
    ["newly-allowed", "team.test"],
  ]);
  const trusted = await report({}, file(allowed("a.test/x", { authorities: ["00"] })));
  assert.deepEqual(trusted.changes.map(({ change, lessSafe }) => [change, lessSafe]), [["reached-otherwise", false]]);
});

test("the forms of records", () => {
  const journal = parseRecord(
    JSON.stringify({
      __REALTIME_TIMESTAMP: "1760000000000000",
      PULLGATE_REFERENCE: [104, 47, 120],
      PULLGATE_DECISION: "deny",
      PULLGATE_ENFORCED: "false",
      PULLGATE_KIND: "image",
      PULLGATE_DNSANSWERS: '[{"kind":"reverse","subject":"10.0.0.1","answers":[]}]',
    }),
  );
  assert.ok(journal?.byPolicy);
  assert.deepEqual([journal.reference, journal.isEnforced, journal.dnsAnswers.length], ["h/x", false, 1]);
  const old = { time: "2026-10-01T08:00:00Z", action: "login", reference: "h:443", decision: "deny" };
  const login = parseRecord(JSON.stringify({ ...old, reason: "time-out", dnsAnswers: "caller" }));
  assert.ok(login?.byPolicy && login.kind === "registry" && login.attempts === undefined);
  assert.deepEqual(parseRecord(JSON.stringify({ ...old, reason: "docker-builds" })), { byPolicy: false, reason: "docker-builds" });
  assert.deepEqual(parseRecord('{"time":"2026-10-01T08:00:00Z","reference":"h/x","transfer":{}}'), { byPolicy: undefined });
  const almost = [
    allowed("x").replace('"allow"', '"maybe"'),
    allowed("x", { time: "soon" }),
    allowed("x", { dnsAnswers: [{}] }),
    allowed("x", { kind: "flower" }),
    allowed("x").slice(0, -1),
  ];
  for (const text of ["", "{}", "[]", "null", "INFO started", ...almost, "[".repeat(100_000)]) {
    assert.equal(parseRecord(text), undefined, text.slice(0, 60));
  }
});

test("gzip of several members, what is cut off, and what is no record", async () => {
  const text = Array.from({ length: 5_000 }, (_, number) => `${allowed(`h-${number}.test/x`)}\n`).join("");
  const [one, two] = [gzipSync(text), gzipSync(`${denied("evil.test/x")}\n`)];
  assert.ok(await isGzip(new Blob([one])));
  let length = 0;
  for await (const chunk of decompress(new Blob([one, two]))) length += chunk.length;
  assert.equal(length, text.length + denied("evil.test/x").length + 1);
  const mixed = file(`${allowed("a.test/x")}\r\n\nno record\n${"x".repeat(3 << 20)}\n{"time`);
  const { records, recorded } = await report({}, file(one, two), mixed);
  assert.deepEqual(
    [records, recorded.noRecords, recorded.cutOff],
    [5_002, { count: 2, file: "audit.jsonl", line: 3 }, ["audit.jsonl"]],
  );
  const cut = await readRecords([file(one.subarray(0, one.length / 2))], () => {});
  assert.ok(cut.records > 100 && cut.records < 5_000, String(cut.records));
  assert.deepEqual(cut.cutOff, ["audit.jsonl"]);
  assert.deepEqual([await isRecordFile(file(allowed("x"))), await isRecordFile(file('{"whitelist": []}'))], [true, false]);
});
