import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf, valuesOf } from "./document";
import { parseDraft } from "./draft";

const DOCUMENT = {
  whitelist: ["a.example", { entry: "b.example", enabled: false, comment: "later" }],
  insecure: ["10.0.0.0/8"],
  blocked: ["evil.example"],
  certificate_authorities: [{ pem: "-----BEGIN CERTIFICATE-----", registries: ["a.example"] }],
  built_in: ["vic.local"],
  match_resolved_addresses: true,
  projects: { blue: { insecure: ["c.example"] } },
  unlisted_projects: "global" as const,
  image_fetch_proxy: { http: "http://proxy" },
};

test("a draft gives back every member", () => {
  const stored: unknown = JSON.parse(JSON.stringify({ format: 1, time: 5, base: '"etag"', values: valuesOf(DOCUMENT) }));
  const { time, base, values } = parseDraft(stored);
  assert.deepEqual([time, base], [5, '"etag"']);
  assert.deepEqual(documentOf(values).document, DOCUMENT);
});

test("what is no draft is refused as a whole", () => {
  const values = JSON.parse(JSON.stringify(valuesOf(DOCUMENT))) as Record<string, unknown>;
  const row = { entry: "a", port: "", insecure: false };
  for (const wrong of [
    null,
    [],
    "text",
    { format: 2, time: 5, values },
    { format: 1, time: "5", values },
    { format: 1, time: 5 },
    ...[
      { whitelistMode: 1 },
      { rows: {} },
      { rows: [null] },
      { rows: [{ ...row, insecure: "false" }] },
      { rows: [{ ...row, enabled: 0 }] },
      { authorities: [{ pem: 1, limited: false, registries: [] }] },
      { projects: [{ ...values, name: 7 }] },
      { unlistedProjects: "allow" },
      { preserved: "null" },
      { preserved: "{" },
    ].map((member) => ({ format: 1, time: 5, values: { ...values, ...member } })),
  ]) {
    assert.throws(() => parseDraft(wrong), JSON.stringify(wrong));
  }
});
