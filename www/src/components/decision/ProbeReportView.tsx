// Report of a connection test, with those of the hosts that the registry refers to.

import type { ProbeAttempt, ProbeReport, ProbeStage } from "../../daemon/report";
import { messages } from "../../messages";
import { Fingerprint } from "../ui/Fingerprint";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Icon } from "../ui/Icon";
import { PresentedChain } from "./PresentedChain";

/** Returns the outcome of a connection test in a few words. */
export function outcomeOf(report: ProbeReport): string {
  const t = messages.tryOut;
  return { good: t.connects, unverified: t.connectsUnverified, failed: t.connectsNot }[stateOf(report)];
}

/** Returns what a test comes to. Only a connection with a verified certificate is shown as good. */
function stateOf({ ok, attempts }: ProbeReport): "good" | "unverified" | "failed" {
  if (!ok) return "failed";
  const worked = attempts.filter(({ stages }) => stages.length > 0 && stages.every((stage) => stage.ok));
  return worked.some(({ verified }) => verified) || worked.length === 0 ? "good" : "unverified";
}

const STATE_ICONS = { good: "check", unverified: "warning", failed: "close" } as const;

export function ProbeReportView({ report }: { report: ProbeReport }) {
  const { ok, registry, summary, hint, attempts } = report;
  return (
    <div className="probe-report">
      <p className="probe-summary" data-ok={ok} data-state={stateOf(report)}>
        <Icon name={STATE_ICONS[stateOf(report)]} />
        <span>
          <strong>{outcomeOf(report)}</strong> <bdi>{registry}</bdi>
          <span className="probe-text">
            <FormattedMessage text={summary} />
          </span>
        </span>
      </p>
      {hint && (
        <p className="probe-detail">
          <FormattedMessage text={hint} />
        </p>
      )}
      {attempts.length > 0 && (
        <ol className="probe-attempts">
          {attempts.map((attempt, index) => (
            <AttemptView key={index} attempt={attempt} registry={registry} />
          ))}
        </ol>
      )}
    </div>
  );
}

function AttemptView({ attempt, registry }: { attempt: ProbeAttempt; registry: string }) {
  const { scheme, host, port, address, verified, stages, vouchedBy, protocol, elsewhere = [] } = attempt;
  const t = messages.tryOut;
  return (
    <li>
      <p>
        {[t.attempt(scheme, port, host), address].filter(Boolean).join(", ")}{" "}
        <span className="muted">{verified ? t.mustVerify : scheme === "http" ? t.plain : t.notVerified}</span>
      </p>
      <ul className="stages">
        {stages.map((stage, index) => (
          <StageView key={index} stage={stage} />
        ))}
      </ul>
      {vouchedBy && (
        <p className="probe-detail">
          {t.vouched[vouchedBy.source]} <bdi>{vouchedBy.subject}</bdi>
          {vouchedBy.sha256 && <Fingerprint sha256={vouchedBy.sha256} />}
        </p>
      )}
      {protocol && (
        <p className="probe-detail">
          {t.speaks} {protocol}
        </p>
      )}
      <PresentedChain chain={attempt.chain} registry={registry} />
      {elsewhere.length > 0 && (
        <div className="elsewhere">
          <p className="probe-detail">{t.elsewhere}</p>
          {elsewhere.map((report, index) => (
            <ProbeReportView key={index} report={report} />
          ))}
        </div>
      )}
    </li>
  );
}

function StageView({ stage: { stage, ok, detail, milliseconds } }: { stage: ProbeStage }) {
  const t = messages.tryOut;
  return (
    <li data-ok={ok}>
      <Icon name={ok ? "check" : "close"} />
      <span>
        <strong>{t.stages[stage] ?? stage}</strong>{" "}
        <span className="visually-hidden">{ok ? t.worked : t.failed}</span>{" "}
        <bdi>
          <FormattedMessage text={detail} isAboutFile />
        </bdi>{" "}
        <span className="muted">{t.took(milliseconds)}</span>
      </span>
    </li>
  );
}
