// *What you get*: the policy in each format, for copying and downloading.

import type { PolicyDocument } from "pullgate";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components/Tabs";
import { usePolicy } from "../../form/usePolicyForm";
import type { FormattedDocument, OutputFormat } from "../../formats/format";
import { writeJson, writeRest } from "../../formats/json";
import { writeToml } from "../../formats/toml";
import { writeOptions } from "../../formats/vicMachine";
import { messages } from "../../messages";
import { Section } from "../ui/Section";
import type { HostKind } from "../HostSelect";
import { FormatView } from "./FormatView";

const FORMATTERS: Record<OutputFormat, (document: PolicyDocument) => FormattedDocument> = {
  options: writeOptions,
  rest: writeRest,
  toml: writeToml,
  json: writeJson,
};

interface Props {
  host: HostKind;
  /** Goes to the first error. */
  onError: () => void;
  /** Called once the whole policy is copied or downloaded. */
  onSaved: () => void;
}

/** The formats in the order of their tabs: the first is what the host takes. */
const FORMATS_OF: Record<"vic" | "daemon", OutputFormat[]> = {
  vic: ["options", "rest", "toml", "json"],
  daemon: ["toml", "json", "options", "rest"],
};

export function OutputSection({ host, onError, onSaved }: Props) {
  const { analysis } = usePolicy();
  const t = messages.output;
  const formats = FORMATS_OF[host === "vic" ? "vic" : "daemon"];
  const document = analysis.canonical ?? analysis.document;
  return (
    <Section title={t.title} intro={t.intro} className="output">
      {/* Another host begins with another tab. */}
      <Tabs className="tabs" key={host}>
        <TabList className="tab-list" aria-label={t.formats}>
          {formats.map((format) => (
            <Tab key={format} id={format} className="tab">
              {t.tabs[format]}
            </Tab>
          ))}
        </TabList>
        {formats.map((format) => (
          <TabPanel key={format} id={format} className="tab-panel">
            <FormatView
              format={format}
              write={FORMATTERS[format]}
              document={document}
              state={analysis.unchecked ? "unchecked" : analysis.canonical === undefined ? "draft" : "ready"}
              onError={onError}
              onSaved={onSaved}
            />
          </TabPanel>
        ))}
      </Tabs>
    </Section>
  );
}
