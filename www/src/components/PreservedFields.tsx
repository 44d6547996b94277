// Members of an opened policy that have no field, and stay in it.

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
  // Without a field, the path shows which member is concerned.
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
        {preserved.unlisted_projects && <li>{t.unlisted(preserved.unlisted_projects)}</li>}
        {preserved.image_fetch_proxy !== undefined && <li>{t.proxy}</li>}
      </ul>
      <FindingList findings={findings} />
    </Section>
  );
}
