// What a policy amounts to, in a sentence.

import type { PolicyDocument } from "pullgate";
import { enabled } from "../formats/format";
import { texts } from "../texts";

export function summaryOf({ whitelist, insecure }: PolicyDocument): string {
  const say = texts.registries.summary;
  const counts = { secure: enabled(whitelist).length, insecure: enabled(insecure).length };
  if (whitelist === undefined) return counts.insecure > 0 ? say.off : say.offNone;
  if (counts.secure === 0) return counts.insecure === 0 ? say.nothing : say.insecure(counts.insecure);
  return counts.insecure === 0 ? say.secure(counts.secure) : say.both(counts.secure, counts.insecure);
}
