// A decision, its permitted attempts, and the explanation.

import type { Attempt, Explanation } from "pullgate";
import { type ReactNode, useMemo } from "react";
import { Button } from "react-aria-components/Button";
import { subjectsByFingerprint } from "../../certificates/fingerprint";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { decidingEntry, rowOf } from "../registries/highlight";
import { Fingerprint } from "../ui/Fingerprint";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Icon } from "../ui/Icon";
import { AllowButtons } from "./AllowButtons";
import { ExplanationSteps } from "./ExplanationSteps";

const DECISION_ICONS = {
  allow: "check",
  unverified: "warning",
  deny: "close",
  lookup: "unchecked",
  internal: "unchecked",
} as const;

/** Returns the headline of a decision. A failure of the module is not called a denial. */
export function headlineOf(explanation: Explanation): string {
  return messages.tryOut[stateOf(explanation)];
}

/** Returns what a decision comes to. Only what is verified whichever way it is reached is shown as good. */
function stateOf(explanation: Explanation): keyof typeof DECISION_ICONS {
  if (explanation.decision === "deny" && explanation.reason === "internal") return "internal";
  const isUnverified = explanation.decision === "allow" && explanation.attempts.some(({ verified }) => !verified);
  return isUnverified ? "unverified" : explanation.decision;
}

interface Props {
  explanation: Explanation;
  /** Content between the decision and its explanation. */
  children: ReactNode;
}

export function DecisionView({ explanation, children }: Props) {
  const { analysis, isStale, actions } = usePolicy();
  const state = stateOf(explanation);
  const by = decidingEntry(explanation);
  const row = rowOf(explanation, analysis.places);
  const t = messages.tryOut;
  return (
    <div className="decision" data-decision={explanation.decision} data-state={state} aria-busy={isStale}>
      <div className="verdict">
        <Icon name={DECISION_ICONS[state]} />
        <p>
          <strong>{headlineOf(explanation)}</strong>
          {by && (
            <>
              {" "}
              {t.by} <code>{by.entry}</code>
            </>
          )}
          {explanation.decision === "deny" && (
            <span className="verdict-text">
              <FormattedMessage text={explanation.text} />
            </span>
          )}
          {explanation.decision === "deny" && explanation.nearest && (
            <span className="verdict-text">
              {t.nearest} <code>{explanation.nearest.entry}</code>
              {t.colon}
              <FormattedMessage text={explanation.nearest.text} />
            </span>
          )}
        </p>
        <AllowButtons explanation={explanation} />
        {row !== undefined && (
          <Button className="button small" onPress={() => actions.focus(row)}>
            {t.showEntry}
          </Button>
        )}
      </div>
      {children}
      {explanation.decision === "allow" && (
        <>
          <h3>{t.attempts}</h3>
          <ol className="attempts">
            {explanation.attempts.map((attempt, index) => (
              <AttemptView key={index} attempt={attempt} />
            ))}
          </ol>
          <ValueList title={t.pinned} values={explanation.pinned} />
          <AuthorityNames fingerprints={explanation.authorities ?? []} />
        </>
      )}
      {explanation.steps.length > 0 && (
        <>
          <h3>{t.why}</h3>
          <ExplanationSteps steps={explanation.steps} />
        </>
      )}
    </div>
  );
}

function AttemptView({ attempt: { scheme, port, host, verified } }: { attempt: Attempt }) {
  const t = messages.tryOut;
  return (
    <li data-verified={verified}>
      <Icon name={verified ? "lock" : "unlock"} />
      <span>
        {t.attempt(scheme, port, host)}{" "}
        <span className="muted">{verified ? t.verified : scheme === "http" ? t.plain : t.notVerified}</span>
      </span>
    </li>
  );
}

function AuthorityNames({ fingerprints }: { fingerprints: readonly string[] }) {
  const { values } = usePolicy().analysis;
  const subjects = useMemo(() => subjectsByFingerprint(values), [values]);
  if (fingerprints.length === 0) return null;
  return (
    <>
      <h3>{messages.tryOut.authorities}</h3>
      <ul className="plain-list">
        {fingerprints.map((sha256) => (
          <li key={sha256}>
            <bdi>{subjects.get(sha256) || messages.certificates.unnamed}</bdi> <Fingerprint sha256={sha256} />
          </li>
        ))}
      </ul>
    </>
  );
}

function ValueList({ title, values }: { title: string; values: string[] | undefined }) {
  if (!values || values.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="plain-list">
        {values.map((value) => (
          <li key={value}>
            <code>{value}</code>
          </li>
        ))}
      </ul>
    </>
  );
}
