// The entries of an exported policy, in groups of the same fate: what the target does not say as the policy does comes first.

import { FormattedMessage } from "../components/ui/FormattedMessage";
import { Icon, type IconName } from "../components/ui/Icon";
import { settingsMessages as t } from "./messages";
import type { ExportedEntry, Fidelity } from "./settings";

/** In the order of the groups. */
export const FIDELITY_ICONS: Record<Fidelity, IconName> = {
  wider: "warning",
  narrower: "info",
  "by-pullgate": "lock",
  equal: "check",
};

/** The number of entries of a group that stand in its sentence. */
const INLINE_ENTRIES = 3;
/** The number of entries of a group that are listed. */
const SHOWN_ENTRIES = 200;

interface EntryGroup {
  fidelity: Fidelity;
  reason: string | undefined;
  entries: string[];
}

export function EntryGroups({ entries }: { entries: readonly ExportedEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <ul className="entry-groups" aria-label={t.entries}>
      {groupsOf(entries).map((group) => (
        <EntryGroupView key={`${group.fidelity} ${group.reason}`} group={group} />
      ))}
    </ul>
  );
}

function EntryGroupView({ group: { fidelity, reason, entries } }: { group: EntryGroup }) {
  const isShort = entries.length <= INLINE_ENTRIES;
  return (
    <li data-fidelity={fidelity}>
      <Icon name={FIDELITY_ICONS[fidelity]} />
      <div>
        <p>
          <strong>{t.groups[fidelity]}</strong>
          {isShort && entries.map((entry) => <EntryName key={entry} entry={entry} />)}
          {reason !== undefined && (
            <>
              {": "}
              <FormattedMessage text={reason} isAboutFile />
            </>
          )}
        </p>
        {!isShort && <EntryDetails entries={entries} />}
      </div>
    </li>
  );
}

function EntryDetails({ entries }: { entries: readonly string[] }) {
  const left = entries.length - SHOWN_ENTRIES;
  return (
    <details>
      <summary>{t.entryCount(entries.length)}</summary>
      <ul>
        {entries.slice(0, SHOWN_ENTRIES).map((entry) => (
          <li key={entry}>
            <EntryName entry={entry} />
          </li>
        ))}
      </ul>
      {left > 0 && <p className="muted">{t.more(left)}</p>}
    </details>
  );
}

function EntryName({ entry }: { entry: string }) {
  return (
    <>
      {" "}
      <bdi>
        <code>{entry}</code>
      </bdi>
    </>
  );
}

function groupsOf(entries: readonly ExportedEntry[]): EntryGroup[] {
  const groups = new Map<string, EntryGroup>();
  for (const { list, entry, fidelity, reason } of entries) {
    const key = `${fidelity} ${reason}`;
    const group = groups.get(key) ?? { fidelity, reason, entries: [] };
    group.entries.push(t.entry[list](entry));
    groups.set(key, group);
  }
  const order = Object.keys(FIDELITY_ICONS);
  return [...groups.values()].sort((a, b) => order.indexOf(a.fidelity) - order.indexOf(b.fidelity));
}
