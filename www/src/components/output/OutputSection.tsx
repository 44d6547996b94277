// *What you get*: the policy in each format, and as the settings of each target, for copying and downloading.

import type { PolicyDocument } from "pullgate";
import { memo } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components/Tabs";
import { usePolicy } from "../../form/usePolicyForm";
import type { FormattedDocument, OutputFormat } from "../../formats/format";
import { writeJson, writeRest } from "../../formats/json";
import { writeToml } from "../../formats/toml";
import { writeOptions } from "../../formats/vicMachine";
import { messages } from "../../messages";
import { settingsMessages } from "../../settings/messages";
import { type Target, TARGETS } from "../../settings/settings";
import { TargetView } from "../../settings/TargetView";
import { Section } from "../ui/Section";
import type { HostKind } from "../HostSelect";
import type { DaemonState } from "../useDaemon";
import { FormatView } from "./FormatView";

/** What the page writes by itself. */
const FORMATTERS: Record<OutputFormat, (document: PolicyDocument) => FormattedDocument> = {
  toml: writeToml,
  json: writeJson,
  "vic-machine": writeOptions,
  vch: writeRest,
};

interface Props {
  host: HostKind;
  daemon: DaemonState;
  /** Goes to the first error. */
  onError: () => void;
  /** Called once the whole policy is copied or downloaded. */
  onSaved: () => void;
}

type OutputTab = OutputFormat | Target;

const VIC_TABS: OutputTab[] = ["vic-machine", "vch"];
const RUNTIME_TABS = TARGETS.filter((target) => !VIC_TABS.includes(target));

/** The tabs in their order: the first is what the host takes. */
const TABS_OF: Record<"vic" | "daemon", OutputTab[]> = {
  vic: [...VIC_TABS, "toml", "json", ...RUNTIME_TABS],
  daemon: ["toml", "json", ...RUNTIME_TABS, ...VIC_TABS],
};

export const OutputSection = memo(function OutputSection({ host, daemon, onError, onSaved }: Props) {
  const { analysis } = usePolicy();
  const t = messages.output;
  const tabs = TABS_OF[host === "vic" ? "vic" : "daemon"];
  const document = analysis.canonical ?? analysis.document;
  const format = (tab: OutputTab) =>
    isFormat(tab) && (
      <FormatView
        format={tab}
        write={FORMATTERS[tab]}
        document={document}
        state={analysis.unchecked ? "unchecked" : analysis.canonical === undefined ? "draft" : "ready"}
        onError={onError}
        onSaved={onSaved}
      />
    );
  return (
    <Section title={t.title} intro={t.intro} className="output">
      {/* Another host begins with another tab. */}
      <Tabs className="tabs" key={host}>
        <TabList className="tab-list" aria-label={t.formats}>
          {tabs.map((tab) => (
            <Tab key={tab} id={tab} className="tab">
              {isFormat(tab) ? t.tabs[tab] : settingsMessages.tabs[tab]}
            </Tab>
          ))}
        </TabList>
        {tabs.map((tab) => (
          <TabPanel key={tab} id={tab} className="tab-panel">
            {isTarget(tab) ? <TargetView target={tab} daemon={daemon} fallback={format(tab) || undefined} /> : format(tab)}
          </TabPanel>
        ))}
      </Tabs>
    </Section>
  );
});

function isFormat(tab: OutputTab): tab is OutputFormat {
  return tab in FORMATTERS;
}

function isTarget(tab: OutputTab): tab is Target {
  return (TARGETS as readonly OutputTab[]).includes(tab);
}
