// The members of a policy besides its lists: rules for names and projects, the built-in registries, and what has no field.

import type { Finding, PolicyDocument } from "pullgate";
import { memo, useId } from "react";
import { Switch } from "react-aria-components/Switch";
import type { ListAddress } from "../form/edits";
import { usePolicy } from "../form/usePolicyForm";
import type { FormValues } from "../form/values";
import { messages } from "../messages";
import { EntrySection } from "./registries/EntrySection";
import { FindingList } from "./ui/FindingList";
import { FormattedMessage } from "./ui/FormattedMessage";
import { Section } from "./ui/Section";

const BUILT_IN: ListAddress = { scope: undefined, list: "builtIn" };
const t = messages.settings;
const BUILT_IN_LABELS = { entry: t.builtInLabel, remove: t.removeBuiltIn, add: t.addBuiltIn, example: t.builtInExample };

export const SettingsSection = memo(function SettingsSection() {
  const { values, analysis, actions } = usePolicy();
  const hasProxy = (JSON.parse(values.preserved) as PolicyDocument).image_fetch_proxy !== undefined;
  // Without a field, the path shows which member is concerned.
  const placed = (finding: Finding) => ({
    ...finding,
    message: `\`${(finding.path ?? "").replaceAll("`", "'")}\`${messages.tryOut.colon}${finding.message}`,
  });

  return (
    <Section title={t.title} className="settings" isTarget>
      <div className="setting">
        <Switch
          className="switch small"
          isSelected={values.matchResolvedAddresses === true}
          onChange={(on) =>
            actions.edit((values) => withResolvedAddresses(values, on), { label: on ? t.resolvedOn : t.resolvedOff })
          }
        >
          <span className="switch-track" aria-hidden="true" />
          {t.resolved}
        </Switch>
        <p className="muted">{t.resolvedHint}</p>
      </div>
      {(values.projects.length > 0 || values.unlistedProjects !== undefined) && <UnlistedProjects />}
      <div className="setting">
        <h3>{t.builtIn}</h3>
        <p className="muted">{t.builtInHint}</p>
        <EntrySection
          address={BUILT_IN}
          label={t.builtIn}
          labels={BUILT_IN_LABELS}
          addFirst={t.addFirstBuiltIn}
          findings={analysis.lists.get("/built_in") ?? []}
        />
      </div>
      {hasProxy && <p className="muted">{t.proxy}</p>}
      <FindingList findings={analysis.others.map(placed)} />
    </Section>
  );
});

function UnlistedProjects() {
  const id = useId();
  const { values, actions } = usePolicy();
  return (
    <div className="setting text-field">
      <label htmlFor={id}>{t.unlisted}</label>
      <select
        id={id}
        value={values.unlistedProjects ?? "deny"}
        onChange={({ target }) =>
          actions.edit((values) => withUnlistedProjects(values, target.value === "global"), { label: t.unlistedChanged })
        }
      >
        <option value="deny">{t.unlistedDeny}</option>
        <option value="global">{t.unlistedGlobal}</option>
      </select>
      <p className="muted">
        <FormattedMessage text={t.unlistedHint} />
      </p>
    </div>
  );
}

function withResolvedAddresses({ matchResolvedAddresses: _, ...values }: FormValues, on: boolean): FormValues {
  return on ? { ...values, matchResolvedAddresses: true } : values;
}

function withUnlistedProjects({ unlistedProjects: _, ...values }: FormValues, global: boolean): FormValues {
  return global ? { ...values, unlistedProjects: "global" } : values;
}
