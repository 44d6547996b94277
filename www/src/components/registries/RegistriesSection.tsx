// Registries: the switch of whitelist mode, a summary of the policy, and the rows.

import type { Finding } from "pullgate";
import { useCallback, useMemo } from "react";
import { Button } from "react-aria-components/Button";
import { Switch } from "react-aria-components/Switch";
import type { PolicyAnalysis } from "../../form/analysis";
import { isVisible, scopePointer } from "../../form/document";
import { changeRow, type ListAddress, scopeOf } from "../../form/edits";
import { useAllowEntries, usePolicy } from "../../form/usePolicyForm";
import { isBlank, type RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Section } from "../ui/Section";
import type { RowHighlight } from "./highlight";
import { RegistryList } from "./RegistryList";
import { ScopeSelect } from "./ScopeSelect";
import { summaryOf } from "./summary";

/** Returns the tone of the summary: of a policy that decides nothing, that allows everything, or of any other. */
function toneOf({ canonical, unchecked }: PolicyAnalysis, isOpen: boolean): "error" | "unchecked" | "warning" | "info" {
  if (unchecked) return "unchecked";
  if (canonical === undefined) return "error";
  return isOpen ? "warning" : "info";
}

export function RegistriesSection({ highlight }: { highlight: RowHighlight | undefined }) {
  const { values, scope, analysis, actions } = usePolicy();
  const lists = scopeOf(values, scope);
  const { whitelistMode, rows } = lists;
  const allow = useAllowEntries();
  const address = useMemo((): ListAddress => ({ scope, list: "rows" }), [scope]);
  const t = messages.registries;
  const hidden = useMemo(
    () => rows.filter((row) => !isVisible(row, whitelistMode) && !isBlank(row)).length,
    [rows, whitelistMode],
  );
  const summary = useMemo(() => summaryOf(analysis), [analysis]);
  const labels = useMemo(
    () => ({
      entry: whitelistMode ? t.entryLabel : t.hostLabel,
      remove: t.remove,
      add: t.add,
      example: whitelistMode ? t.entryExample : t.hostExample,
    }),
    [whitelistMode, t],
  );
  const findingAction = useCallback(
    ({ code }: Finding, row: RegistryValues) => {
      if (!whitelistMode || row.insecure) return null;
      const makeInsecure = () =>
        actions.edit(
          (values) => changeRow(values, address, row.id, (row) => ({ ...row, insecure: true })),
          { label: t.madeInsecure(1), isDestructive: true },
        );
      const turnOff = () => {
        actions.setMode(scope, false);
        // This row disappears.
        document.querySelector<HTMLElement>(".registries .switch input")?.focus();
      };
      if (code === "wildcard-all") return <ActionButton label={t.switchOff} onPress={turnOff} />;
      return code === "scheme-http" && <ActionButton label={t.markInsecure} onPress={makeInsecure} />;
    },
    [whitelistMode, scope, address, actions, t],
  );
  const pointer = scopePointer("name" in lists ? lists.name : undefined);
  const findings = ["whitelist", "insecure"].flatMap((list) => analysis.lists.get(`${pointer}/${list}`) ?? []);
  const projectSummary = whitelistMode ? messages.projects.summaryOn : messages.projects.summaryOff;
  const headings = (
    <div className="row-headings" data-mode={whitelistMode ? "on" : "off"} aria-hidden="true">
      <span>
        {whitelistMode ? t.entryHeading : t.hostHeading}
        {!whitelistMode && <span className="hint"> {t.hostHint}</span>}
      </span>
      <span>{whitelistMode ? t.transportHeading : t.portHeading}</span>
    </div>
  );

  return (
    <Section title={t.title} className="registries">
      <ScopeSelect />
      <Switch className="switch" isSelected={whitelistMode} onChange={(on) => actions.setMode(scope, on)}>
        <span className="switch-track" aria-hidden="true" />
        {t.switch}
      </Switch>
      <p className="summary" data-tone={toneOf(analysis, scope === undefined && !whitelistMode)}>
        {scope === undefined || analysis.canonical === undefined ? summary : projectSummary}
      </p>
      <RegistryList
        address={address}
        form={whitelistMode ? "transport" : "port"}
        label={t.title}
        labels={labels}
        tools
        heading={headings}
        highlight={highlight}
        findingAction={findingAction}
      />
      {hidden > 0 && <p className="muted">{t.hidden(hidden)}</p>}
      <FindingList
        findings={findings}
        action={({ code }) =>
          code === "docker-hub-denied" && (
            <ActionButton label={messages.tryOut.allowEntry("docker.io")} onPress={() => allow(["docker.io"])} />
          )
        }
      />
    </Section>
  );
}

function ActionButton({ label, onPress }: { label: string; onPress: () => void }) {
  return (
    <Button className="button small" onPress={onPress}>
      {label}
    </Button>
  );
}
