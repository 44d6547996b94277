// Blocked registries, for every request or for a project (rule W6).

import { useMemo } from "react";
import { scopePointer } from "../../form/document";
import { type ListAddress, scopeOf } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { Section } from "../ui/Section";
import { EntrySection } from "./EntrySection";
import type { RowHighlight } from "./highlight";

const t = messages.blocked;
const LABELS = { entry: t.label, remove: t.remove, add: t.add, example: t.example };

export function BlockedSection({ highlight }: { highlight: RowHighlight | undefined }) {
  const { values, scope, analysis } = usePolicy();
  const address = useMemo((): ListAddress => ({ scope, list: "blocked" }), [scope]);
  const lists = scopeOf(values, scope);
  const pointer = `${scopePointer("name" in lists ? lists.name : undefined)}/blocked`;
  return (
    <Section title={t.title} intro={t.intro} className="blocked">
      <EntrySection
        address={address}
        label={t.title}
        labels={LABELS}
        addFirst={t.addFirst}
        findings={analysis.lists.get(pointer) ?? []}
        highlight={highlight}
      />
    </Section>
  );
}
