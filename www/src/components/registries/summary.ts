// What a policy amounts to, in a sentence or two.

import type { PolicyDocument } from "pullgate";
import type { Analysis } from "../../form/analysis";
import { enabled } from "../../formats/format";
import { texts } from "../../messages";

/** A policy with errors amounts to nothing, and of one that could not be checked nothing is known. */
export function summaryOf({ unchecked, errors, canonical, document }: Analysis): string {
  if (unchecked) return `${texts.findings.unchecked}.`;
  if (errors > 0) return texts.tryOut.errors(errors);
  const policy = canonical ?? document;
  const say = texts.registries.summary;
  if (Object.keys(policy.projects ?? {}).length === 0) return listsOf(policy);
  return `${listsOf(policy)} ${policy.whitelist === undefined ? say.projectsOff : say.projects}`;
}

function listsOf({ whitelist, insecure }: PolicyDocument): string {
  const say = texts.registries.summary;
  const counts = { secure: enabled(whitelist).length, insecure: enabled(insecure).length };
  if (whitelist === undefined) return counts.insecure > 0 ? say.off : say.offNone;
  if (counts.secure === 0) return counts.insecure === 0 ? say.nothing : say.insecure(counts.insecure);
  return counts.insecure === 0 ? say.secure(counts.secure) : say.both(counts.secure, counts.insecure);
}
