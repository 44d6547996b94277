// Notes on what the formats of vSphere Integrated Containers cannot express.

import type { PolicyDocument } from "pullgate";
import { messages } from "../messages";
import { enabledEntries, listsForVic, plainListLosses } from "./format";

export function vicNotes(document: PolicyDocument): string[] {
  const { disabled, comments } = plainListLosses(document);
  const authorities = document.certificate_authorities ?? [];
  const limited = authorities.filter(({ registries }) => registries !== undefined).length;
  const { whitelist } = listsForVic(document);
  const on = document.whitelist !== undefined;
  const entries = [...enabledEntries(document.whitelist), ...enabledEntries(document.insecure)];
  const patterns = entries.filter((entry) => entry.replace(/^\*\./, "").includes("*")).length;
  const t = messages.output.notes;
  return [
    ...(on && whitelist.length === 0 ? [t.nothingAllowed] : []),
    ...(on && whitelist.length > 0 && enabledEntries(document.whitelist).length === 0 ? [t.insecureTwice] : []),
    ...(patterns > 0 ? [t.patterns(patterns)] : []),
    ...(limited > 0 ? [t.limited(limited)] : []),
    ...(disabled > 0 ? [t.disabled(disabled)] : []),
    ...(comments > 0 ? [t.comments(comments)] : []),
    ...(document.built_in !== undefined ? [t.member("built_in")] : []),
    ...(document.blocked !== undefined ? [t.member("blocked")] : []),
    ...(document.match_resolved_addresses !== undefined ? [t.member("match_resolved_addresses")] : []),
    ...(document.projects !== undefined ? [t.member("projects")] : []),
    ...(document.unlisted_projects !== undefined ? [t.member("unlisted_projects")] : []),
  ];
}
