// What formats of vSphere Integrated Containers have no words for.

import type { PolicyDocument } from "pullgate";
import { texts } from "../messages";
import { enabled, listsForVic, plainLists } from "./format";

export function vicNotes(document: PolicyDocument): string[] {
  const { disabled, comments } = plainLists(document);
  const authorities = document.certificate_authorities ?? [];
  const limited = authorities.filter(({ registries }) => registries !== undefined).length;
  const { whitelist } = listsForVic(document);
  const on = document.whitelist !== undefined;
  const say = texts.output.notes;
  return [
    ...(on && whitelist.length === 0 ? [say.nothingAllowed] : []),
    ...(on && whitelist.length > 0 && enabled(document.whitelist).length === 0 ? [say.insecureTwice] : []),
    ...(limited > 0 ? [say.limited(limited)] : []),
    ...(disabled > 0 ? [say.disabled(disabled)] : []),
    ...(comments > 0 ? [say.comments(comments)] : []),
    ...(document.built_in !== undefined ? [say.member("built_in")] : []),
    ...(document.match_resolved_addresses !== undefined ? [say.member("match_resolved_addresses")] : []),
    ...(document.projects !== undefined ? [say.member("projects")] : []),
  ];
}
