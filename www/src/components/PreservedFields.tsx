// What an opened policy has and the form does not show. It is kept, and this says so.

import { preservedMembers } from "../form/document";
import { usePolicy } from "../form/usePolicyForm";
import { messages } from "../messages";
import { FindingList } from "./ui/FindingList";
import { Section } from "./ui/Section";

export function PreservedFields() {
  const { values, analysis } = usePolicy();
  const preserved = preservedMembers(values);
  if (Object.keys(preserved).length === 0) return null;
  const t = messages.preserved;
  // There are no fields that would show which of them is meant.
  const findings = analysis.preserved.map((finding) => ({
    ...finding,
    message: `\`${(finding.path ?? "").replaceAll("`", "'")}\`${messages.tryOut.colon}${finding.message}`,
  }));
  return (
    <Section title={t.title} intro={t.intro} className="preserved" isTarget>
      <ul className="plain-list">
        {preserved.built_in && <li>{t.builtIn(preserved.built_in.length)}</li>}
        {preserved.match_resolved_addresses !== undefined && <li>{t.resolved(preserved.match_resolved_addresses)}</li>}
        {preserved.projects && <li>{t.projects(Object.keys(preserved.projects))}</li>}
        {preserved.image_fetch_proxy !== undefined && <li>{t.proxy}</li>}
      </ul>
      <FindingList findings={findings} />
    </Section>
  );
}
