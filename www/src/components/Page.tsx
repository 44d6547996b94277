// The page.

import { useDeferredValue, useRef, useState } from "react";
import { FormProvider } from "react-hook-form";
import { Button } from "react-aria-components/Button";
import { PolicyFormContext, usePolicyForm } from "../form/usePolicyForm";
import type { OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { CertificatesSection } from "./certificates/CertificatesSection";
import { DaemonNotice, EnforcementNotice } from "./DaemonNotice";
import { TryImageSection } from "./decision/TryImageSection";
import { type TryImageValues, useDecision } from "./decision/useDecision";
import { focusFirstError } from "./focusFirstError";
import { ModuleFooter } from "./ModuleFooter";
import { OpenPanel } from "./OpenPanel";
import { OpenResultNotice } from "./OpenResultNotice";
import { OutputSection } from "./output/OutputSection";
import { PolicyStatus } from "./PolicyStatus";
import { PreservedFields } from "./PreservedFields";
import { highlightFor } from "./registries/highlight";
import { RegistriesSection } from "./registries/RegistriesSection";
import { ReplaySection } from "../replay/ReplaySection";
import { useDaemon } from "./useDaemon";

const EMPTY_TRIAL: TryImageValues = { reference: "", kind: "image", project: "", dnsAnswers: [], askDaemon: true };

export function Page() {
  const policy = usePolicyForm();
  // Rendering a hundred certificates takes longer than a key press may: their cards are deferred.
  const later = useDeferredValue(policy);
  const [isOpening, setIsOpening] = useState(false);
  const [opened, setOpened] = useState<OpenResult>();
  const { daemon, isLocked, text, openCurrent } = useDaemon(policy, opened?.ok === true);
  const [records, setRecords] = useState<File[]>();
  const [trial, setTrial] = useState(EMPTY_TRIAL);
  const decision = useDecision(policy.analysis, trial, daemon);

  const openButton = useRef<HTMLButtonElement>(null);

  // The focused element disappears with the panel or the notice.
  const onOpened = (result: OpenResult | undefined) => {
    setOpened(result);
    if (result?.ok) setIsOpening(false);
    if (result === undefined || result.ok) openButton.current?.focus();
  };
  const toFirstError = () => focusFirstError(policy);

  return (
    <FormProvider {...policy.form}>
      <PolicyFormContext value={policy}>
        <a className="skip" href="#main">
          {messages.skip}
        </a>
        <header className="page-header">
          <div>
            <p className="muted">{messages.wizard}</p>
            <h1>{messages.title}</h1>
          </div>
          <Button
            ref={openButton}
            className="button"
            aria-expanded={isOpening}
            onPress={() => setIsOpening(!isOpening)}
          >
            {messages.open.button}
          </Button>
          <p className="muted">{messages.intro}</p>
        </header>
        <main id="main" tabIndex={-1}>
          {isOpening && <OpenPanel onOpened={onOpened} onRecords={setRecords} />}
          {opened && <OpenResultNotice opened={opened} onDismiss={() => onOpened(undefined)} />}
          <EnforcementNotice daemon={daemon} />
          <DaemonNotice daemon={daemon} text={text} onOpen={() => onOpened(openCurrent())} />
          <div className="columns">
            <div className="column">
              <RegistriesSection highlight={highlightFor(decision.explanation, policy.analysis.rowIndexes)} />
              <PolicyFormContext value={later}>
                <CertificatesSection />
              </PolicyFormContext>
              <PreservedFields />
            </div>
            <div className="column aside">
              <PolicyStatus onFirst={toFirstError} />
              <TryImageSection values={trial} onChange={setTrial} result={decision} daemon={daemon} />
            </div>
          </div>
          <OutputSection onError={toFirstError} />
          <ReplaySection policy={later.analysis.canonical} given={records} />
        </main>
        <ModuleFooter daemon={isLocked ? "locked" : daemon} />
      </PolicyFormContext>
    </FormProvider>
  );
}
