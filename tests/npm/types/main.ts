// The types, as consumers use them: this file must compile under every configuration in this folder.

import {
  applyFix,
  checkCertificates,
  checkEntry,
  checkPolicy,
  isReady,
  loadPolicy,
  moduleDigest,
  ready,
  rules,
  templateOf,
  version,
  type Decision,
  type EntryReport,
  type FindingCode,
  type PolicyDocument,
} from "pullgate";
import * as inline from "pullgate/inline";
import { certificates, policy, whitelistEntry } from "pullgate/schema";
import * as inlineSchema from "pullgate/inline/schema";
import type { StandardSchemaV1 } from "@standard-schema/spec";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

export async function everything(bytes: Uint8Array, module: object): Promise<void> {
  await ready();
  await ready(bytes);
  await ready("/pullgate_bg.wasm");
  await ready(module);
  // @ts-expect-error: a number is not a module
  await ready(7);

  const report: EntryReport = checkEntry("a.example.com", "built-in");
  // @ts-expect-error: there is no such list
  checkEntry("a.example.com", "blacklist");
  // @ts-expect-error: the entry is there only when there is no error
  report.entry.length;

  holds<Equal<ReturnType<typeof isReady>, boolean>>();
  for (const finding of report.findings) {
    applyFix(report.text, finding).join();
    templateOf(finding).parameters.map((parameter) => parameter.length);
    if (finding.code === "internal") continue;
    const code: FindingCode = finding.code;
    // @ts-expect-error: there is no such code
    if (code === "entry-emtpy") return;
  }

  const document: PolicyDocument = { whitelist: ["a.example.com", { entry: "b.example.com", enabled: false }] };
  // @ts-expect-error: a misspelt member
  const misspelt: PolicyDocument = { whitelst: [] };
  checkPolicy(misspelt, 0).canonical?.length;
  const projects = { a: { insecure: [{ entry: "b.example.com" }] } } as const;
  const constant = { whitelist: ["a.example.com"], projects } as const;
  checkPolicy(constant, new Date()).findings.length;
  // @ts-expect-error: a promise is no policy
  checkPolicy(Promise.resolve(constant));
  // @ts-expect-error: nor is a Map
  checkPolicy(new Map<string, string[]>());
  // @ts-expect-error: a time is no text
  checkPolicy(constant, "2026-01-01");

  const loaded = loadPolicy(document);
  if (!loaded.ok) {
    // @ts-expect-error: there is no policy
    loaded.policy;
    return;
  }
  using allowed = loaded.policy;
  const decision: Decision = allowed.decide({ reference: "alpine", kind: "image", dnsAnswers: [] });
  switch (decision.decision) {
    case "allow":
      decision.attempts[0]?.port.toFixed();
      break;
    case "deny":
      decision.nearest?.miss.length;
      // @ts-expect-error: a denied reference has no attempts
      decision.attempts;
      break;
    case "lookup":
      allowed.decide({ reference: "alpine", dnsAnswers: decision.queries.map((query) => ({ ...query, answers: [] })) });
      break;
    default:
      decision satisfies never;
  }
  allowed.decideMany(["alpine", { reference: "busybox" }] as const).length;
  allowed.explain("alpine").steps[0]?.text.length;
  allowed.authorities()[0]?.der.byteLength;
  checkCertificates(bytes).certificates[0]?.key.curve?.length;
  holds<Equal<ReturnType<typeof moduleDigest>, string | undefined>>();
  version().length;
  rules().length;

  // Both entry points are the same, and the validators conform to the specification.
  holds<Equal<typeof inline.checkEntry, typeof checkEntry>>();
  const schemas: StandardSchemaV1[] = [whitelistEntry, policy, certificates, inlineSchema.insecureEntry];
  schemas.length;
  holds<Equal<StandardSchemaV1.InferOutput<typeof whitelistEntry>, string>>();
  const result = whitelistEntry["~standard"].validate("a..b");
  result.issues?.[0]?.code satisfies FindingCode | "internal" | undefined;
}
