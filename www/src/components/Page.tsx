// The whole page.

import { useDeferredValue, useRef, useState } from "react";
import { FormProvider } from "react-hook-form";
import { Button } from "react-aria-components/Button";
import { useAnnouncements } from "../announce";
import type { Opened } from "../formats/openPolicy";
import { PolicyFormContext, usePolicyForm } from "../form/usePolicyForm";
import { texts } from "../messages";
import { Certificates } from "./certificates/CertificatesSection";
import { DaemonNotice } from "./DaemonNotice";
import { focusFirstError } from "./focusFirstError";
import { Kept } from "./PreservedFields";
import { litBy } from "./registries/highlight";
import { ModuleFooter } from "./ModuleFooter";
import { OpenedNotice } from "./OpenResultNotice";
import { OpenPanel } from "./OpenPanel";
import { Output } from "./output/OutputSection";
import { Registries } from "./registries/RegistriesSection";
import { Status } from "./PolicyStatus";
import { TryImage } from "./decision/TryImageSection";
import { useDaemon } from "./useDaemon";
import { type Question, useDecision } from "./decision/useDecision";

const NOTHING_ASKED: Question = { reference: "", kind: "image", project: "", facts: [], there: true };

export function Page() {
  const policy = usePolicyForm();
  // A hundred certificates take longer to draw than a key may: their cards follow when there is time.
  const later = useDeferredValue(policy);
  const [isOpening, setIsOpening] = useState(false);
  const [opened, setOpened] = useState<Opened>();
  const { daemon, isLocked, text, openCurrent } = useDaemon(policy, opened?.ok === true);
  const [question, setQuestion] = useState(NOTHING_ASKED);
  const answer = useDecision(policy.analysis, question, daemon);
  const announcements = useAnnouncements();

  const openButton = useRef<HTMLButtonElement>(null);

  // What had the focus goes, with the panel or the notice.
  const onOpened = (result: Opened | undefined) => {
    setOpened(result);
    if (result?.ok) setIsOpening(false);
    if (result === undefined || result.ok) openButton.current?.focus();
  };
  const toFirstError = () => focusFirstError(policy);

  return (
    <FormProvider {...policy.form}>
      <PolicyFormContext value={policy}>
        <a className="skip" href="#main">
          {texts.skip}
        </a>
        <header className="page-header">
          <div>
            <p className="muted">{texts.wizard}</p>
            <h1>{texts.title}</h1>
          </div>
          <Button ref={openButton} className="button" aria-expanded={isOpening} onPress={() => setIsOpening(!isOpening)}>
            {texts.open.button}
          </Button>
          <p className="muted">{texts.intro}</p>
        </header>
        <main id="main" tabIndex={-1}>
          {isOpening && <OpenPanel onOpened={onOpened} />}
          {opened && <OpenedNotice opened={opened} onDismiss={() => onOpened(undefined)} />}
          <DaemonNotice daemon={daemon} text={text} onOpen={() => onOpened(openCurrent())} />
          <div className="columns">
            <div className="column">
              <Registries lit={litBy(answer.explanation, policy.analysis.places)} />
              <PolicyFormContext value={later}>
                <Certificates />
              </PolicyFormContext>
              <Kept />
            </div>
            <div className="column aside">
              <Status onFirst={toFirstError} />
              <TryImage question={question} onQuestion={setQuestion} answer={answer} daemon={daemon} />
            </div>
          </div>
          <Output onError={toFirstError} />
        </main>
        <ModuleFooter daemon={isLocked ? "locked" : daemon} />
        {/* Of several messages, each is read once, as it comes. */}
        <div className="visually-hidden" role="status" aria-atomic="false">
          {announcements.map(({ id, text }) => (
            <p key={id}>{text}</p>
          ))}
        </div>
      </PolicyFormContext>
    </FormProvider>
  );
}
