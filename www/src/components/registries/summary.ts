// Summary of a policy in one or two sentences.

import type { PolicyDocument } from "pullgate";
import type { PolicyAnalysis } from "../../form/analysis";
import { enabledEntries } from "../../formats/format";
import { messages } from "../../messages";

/** Returns the summary of a policy that loads, or the reason why there is none. */
export function summaryOf({ unchecked, errors, canonical: policy }: PolicyAnalysis): string {
  if (unchecked) return `${messages.findings.unchecked}.`;
  if (policy === undefined) return messages.tryOut.errors(errors);
  const t = messages.registries.summary;
  if (Object.keys(policy.projects ?? {}).length === 0) return listsOf(policy);
  return `${listsOf(policy)} ${policy.whitelist === undefined ? t.projectsOff : t.projects}`;
}

function listsOf({ whitelist, insecure }: PolicyDocument): string {
  const t = messages.registries.summary;
  const counts = { secure: enabledEntries(whitelist).length, insecure: enabledEntries(insecure).length };
  if (whitelist === undefined) return counts.insecure > 0 ? t.off : t.offNone;
  if (counts.secure === 0) return counts.insecure === 0 ? t.nothing : t.insecure(counts.insecure);
  return counts.insecure === 0 ? t.secure(counts.secure) : t.both(counts.secure, counts.insecure);
}
