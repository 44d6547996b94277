// What an opened policy has and the form does not show. It is kept, and this says so.

import { keptOf } from "../form/document";
import { usePolicy } from "../form/usePolicyForm";
import { texts } from "../messages";
import { FindingList } from "./ui/FindingList";
import { Section } from "./ui/Section";

export function Kept() {
  const { values, analysis } = usePolicy();
  const kept = keptOf(values);
  if (Object.keys(kept).length === 0) return null;
  const say = texts.kept;
  // There are no fields that would show which of them is meant.
  const findings = analysis.kept.map((finding) => ({
    ...finding,
    message: `\`${(finding.path ?? "").replaceAll("`", "'")}\`${texts.tryOut.colon}${finding.message}`,
  }));
  return (
    <Section title={say.title} intro={say.intro} className="kept" isTarget>
      <ul className="plain-list">
        {kept.built_in && <li>{say.builtIn(kept.built_in.length)}</li>}
        {kept.match_resolved_addresses !== undefined && <li>{say.resolved(kept.match_resolved_addresses)}</li>}
        {kept.projects && <li>{say.projects(Object.keys(kept.projects))}</li>}
        {kept.image_fetch_proxy !== undefined && <li>{say.proxy}</li>}
      </ul>
      <FindingList findings={findings} />
    </Section>
  );
}
