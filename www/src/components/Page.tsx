// The page.

import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../announce";
import type { CurrentPolicy } from "../daemon/daemon";
import { valuesOf } from "../form/document";
import { readDraft } from "../form/draft";
import { type PolicyForm, PolicyFormContext, usePolicyForm } from "../form/usePolicyForm";
import { blankValues } from "../form/values";
import { openPolicy, type OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { CertificatesSection } from "./certificates/CertificatesSection";
import { ChangesBar } from "./changes/ChangesBar";
import { DraftNotice } from "./changes/DraftNotice";
import { ReviewDialog } from "./changes/ReviewDialog";
import { useHistoryKeys } from "./changes/useHistoryKeys";
import { useUnsaved } from "./changes/useUnsaved";
import { DaemonNotice, EnforcementNotice } from "./DaemonNotice";
import { TryImageSection } from "./decision/TryImageSection";
import { type TryImageValues, useDecision } from "./decision/useDecision";
import { focusFirstError } from "./focusFirstError";
import { type HostKind, HostSelect, hostOf } from "./HostSelect";
import { ModuleFooter } from "./ModuleFooter";
import { OpenPanel } from "./OpenPanel";
import { OpenResultNotice } from "./OpenResultNotice";
import { OutputSection } from "./output/OutputSection";
import { PolicyStatus } from "./PolicyStatus";
import { SettingsSection } from "./SettingsSection";
import { BlockedSection } from "./registries/BlockedSection";
import { highlightFor } from "./registries/highlight";
import { RegistriesSection } from "./registries/RegistriesSection";
import { GateSection } from "../gate/GateSection";
import { ReplaySection } from "../replay/ReplaySection";
import { useDaemon } from "./useDaemon";
import { useDaemonPolicy } from "./useDaemonPolicy";

const EMPTY_TRIAL: TryImageValues = { reference: "", kind: "image", project: "", dnsAnswers: [], askDaemon: true };

export function Page() {
  const [draft] = useState(readDraft);
  const [isDraftNoted, setIsDraftNoted] = useState(draft !== undefined);
  const policy = usePolicyForm(() => draft?.values ?? blankValues());
  // Only the rows follow a key press at once. What shows the analysis, or other values, is rendered when these change, and
  // after the row.
  const later = useDeferredValue(policy);
  const checked = useCheckedPolicy(later);
  const others = useOtherValues(later);
  const [isOpening, setIsOpening] = useState(false);
  const [opened, setOpened] = useState<OpenResult>();
  const [records, setRecords] = useState<File[]>();
  const daemon = useDaemon();
  const daemonPolicy = useDaemonPolicy(policy, daemon, draft);
  const { relation, openCurrent } = daemonPolicy;
  const { isUnsaved, markSaved } = useUnsaved(policy, daemonPolicy, draft !== undefined);
  const [chosenHost, setChosenHost] = useState<HostKind>();
  const host = chosenHost ?? hostOf(daemon.daemon);
  useEffect(() => {
    document.title = `${messages.title} – ${messages.hosts.names[host]} – ${messages.product}`;
  }, [host]);
  const [isReviewing, setIsReviewing] = useState(false);
  const [trial, setTrial] = useState(EMPTY_TRIAL);
  const decision = useDecision(policy.analysis, trial, daemon.daemon);
  const highlight = highlightFor(decision.explanation, policy.analysis.places);
  useHistoryKeys(policy.actions);

  const openButton = useRef<HTMLButtonElement>(null);

  // The focused element disappears with the panel or the notice.
  const onOpened = (result: OpenResult | undefined) => {
    setOpened(result);
    if (result?.ok) {
      setIsOpening(false);
      markSaved();
    }
    if (result === undefined || result.ok) openButton.current?.focus();
  };
  const onApplied = (current: CurrentPolicy) => {
    daemon.take(current);
    setIsReviewing(false);
    announce(messages.apply.applied(current.generation));
  };
  const toFirstError = useCallback(() => focusFirstError(checked), [checked]);
  const review = useCallback(() => setIsReviewing(true), []);
  const isUnapplied = relation === "edited" || relation === "changed";
  const discardDraft = () => {
    setIsDraftNoted(false);
    const document = daemon.current && openPolicy(JSON.stringify(daemon.current.policy));
    policy.actions.edit(() => (document?.ok ? valuesOf(document.document) : blankValues()), {
      label: messages.draft.discarded,
      isDestructive: true,
    });
    markSaved();
    announce(messages.draft.discarded);
    openButton.current?.focus();
  };

  return (
    <PolicyFormContext value={policy}>
      <a className="skip" href="#main">
        {messages.skip}
      </a>
      <header className="page-header">
        <div>
          <h1>{messages.title}</h1>
          <HostSelect host={host} onHost={setChosenHost} />
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
        {isDraftNoted && draft && (
          <DraftNotice
            time={draft.time}
            onDiscard={discardDraft}
            onDismiss={() => {
              setIsDraftNoted(false);
              openButton.current?.focus();
            }}
          />
        )}
        {isOpening && <OpenPanel daemon={daemon} onOpened={onOpened} onRecords={setRecords} />}
        {opened && <OpenResultNotice opened={opened} onDismiss={() => onOpened(undefined)} />}
        <EnforcementNotice daemon={daemon.daemon} />
        <DaemonNotice
          daemon={daemon}
          relation={relation}
          onOpen={() => onOpened(openCurrent())}
          onReview={review}
        />
        <div className="columns">
          <div className="column">
            <RegistriesSection highlight={highlight} />
            <BlockedSection highlight={highlight} />
            <PolicyFormContext value={others}>
              <CertificatesSection />
              <SettingsSection />
            </PolicyFormContext>
          </div>
          <PolicyFormContext value={checked}>
            <div className="column aside">
              <PolicyStatus onFirst={toFirstError} />
              <TryImageSection values={trial} onChange={setTrial} result={decision} daemon={daemon.daemon} />
            </div>
          </PolicyFormContext>
        </div>
        <PolicyFormContext value={checked}>
          <OutputSection host={host} daemon={daemon} onError={toFirstError} onSaved={markSaved} />
          {daemon.daemon?.frontends.includes("gate") && <GateSection />}
        </PolicyFormContext>
        <ReplaySection policy={checked.analysis.canonical} given={records} />
        <ChangesBar
          unsaved={isUnapplied ? messages.history.unapplied : isUnsaved ? messages.history.unsaved : undefined}
          isInEffect={relation === "same" && daemon.status === "found"}
          onReview={daemon.current && review}
        />
      </main>
      <ModuleFooter status={daemon.status} daemon={daemon.daemon} />
      {isReviewing && daemon.current && (
        <ReviewDialog
          current={daemon.current}
          isUpdatable={daemon.daemon?.allowPolicyUpdates ?? true}
          onApplied={onApplied}
          onClose={() => setIsReviewing(false)}
        />
      )}
    </PolicyFormContext>
  );
}

/** Returns the policy as of its last analysis. */
function useCheckedPolicy(policy: PolicyForm): PolicyForm {
  const { analysis, scope, values } = policy;
  // The projects can be chosen before they are checked.
  return useMemo(() => policy, [analysis, scope, values.projects]);
}

/** Returns the policy as of the last change of what is no row of the lists for every request. */
function useOtherValues(policy: PolicyForm): PolicyForm {
  const { analysis, scope, values } = policy;
  const { authorities, builtIn, projects, matchResolvedAddresses, unlistedProjects, preserved } = values;
  return useMemo(
    () => policy,
    [analysis, scope, authorities, builtIn, projects, matchResolvedAddresses, unlistedProjects, preserved],
  );
}
