// *What you get*: the policy in each format, to copy and to download.

import type { PolicyDocument } from "pullgate";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components/Tabs";
import type { Format, Written } from "../../formats/format";
import { writeJson, writeRest } from "../../formats/json";
import { writeToml } from "../../formats/toml";
import { writeOptions } from "../../formats/vicMachine";
import { usePolicy } from "../../form/usePolicyForm";
import { texts } from "../../messages";
import { FormatView } from "./FormatView";
import { Section } from "../ui/Section";

const WRITE: Record<Format, (document: PolicyDocument) => Written> = {
  options: writeOptions,
  rest: writeRest,
  toml: writeToml,
  json: writeJson,
};

export function Output({ onError }: { onError: () => void }) {
  const { analysis } = usePolicy();
  const say = texts.output;
  const document = analysis.canonical ?? analysis.document;
  return (
    <Section title={say.title} intro={say.intro} className="output">
      <Tabs className="tabs">
        <TabList className="tab-list" aria-label={say.formats}>
          {(Object.keys(WRITE) as Format[]).map((format) => (
            <Tab key={format} id={format} className="tab">
              {say.tabs[format]}
            </Tab>
          ))}
        </TabList>
        {(Object.keys(WRITE) as Format[]).map((format) => (
          <TabPanel key={format} id={format} className="tab-panel">
            <FormatView
              format={format}
              write={WRITE[format]}
              document={document}
              state={analysis.unchecked ? "unchecked" : analysis.canonical === undefined ? "draft" : "ready"}
              onError={onError}
            />
          </TabPanel>
        ))}
      </Tabs>
    </Section>
  );
}
