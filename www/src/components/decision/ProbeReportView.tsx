// What the daemon met on the way to a registry, and to the hosts that it points to.

import type { ProbeAttempt, ProbeReport, ProbeStage } from "../../daemon/report";
import { texts } from "../../messages";
import { Icon } from "../ui/Icon";
import { Message } from "../ui/FormattedMessage";

/** The end of it, in a few words. */
export function outcomeOf({ ok }: ProbeReport): string {
  return ok ? texts.tryOut.connects : texts.tryOut.connectsNot;
}

export function ProbeReportView({ report }: { report: ProbeReport }) {
  const { ok, registry, summary, attempts } = report;
  return (
    <div className="probe-report">
      <p className="probe-summary" data-ok={ok}>
        <Icon name={ok ? "check" : "close"} />
        <span>
          <strong>{outcomeOf(report)}</strong> <bdi>{registry}</bdi>
          <span className="probe-text">
            <Message text={summary} />
          </span>
        </span>
      </p>
      {attempts.length > 0 && (
        <ol className="probe-attempts">
          {attempts.map((attempt, index) => (
            <AttemptView key={index} attempt={attempt} />
          ))}
        </ol>
      )}
    </div>
  );
}

function AttemptView({ attempt }: { attempt: ProbeAttempt }) {
  const { scheme, host, port, address, verified, stages, vouchedBy, protocol, elsewhere = [] } = attempt;
  const say = texts.tryOut;
  return (
    <li>
      <p>
        {[say.attempt(scheme, port, host), address].filter(Boolean).join(", ")}{" "}
        <span className="muted">{verified ? say.mustVerify : scheme === "http" ? say.plain : say.unverified}</span>
      </p>
      <ul className="stages">
        {stages.map((stage, index) => (
          <StageView key={index} stage={stage} />
        ))}
      </ul>
      {vouchedBy && (
        <p className="probe-fact">
          {say.vouched[vouchedBy.source]} <bdi>{vouchedBy.subject}</bdi>
        </p>
      )}
      {protocol && (
        <p className="probe-fact">
          {say.speaks} {protocol}
        </p>
      )}
      <Chain chain={attempt.chain} />
      {elsewhere.length > 0 && (
        <div className="elsewhere">
          <p className="probe-fact">{say.elsewhere}</p>
          {elsewhere.map((report, index) => (
            <ProbeReportView key={index} report={report} />
          ))}
        </div>
      )}
    </li>
  );
}

function StageView({ stage: { stage, ok, detail, milliseconds } }: { stage: ProbeStage }) {
  const say = texts.tryOut;
  return (
    <li data-ok={ok}>
      <Icon name={ok ? "check" : "close"} />
      <span>
        <strong>{say.stages[stage] ?? stage}</strong> <span className="visually-hidden">{ok ? say.worked : say.failed}</span>{" "}
        <bdi>{detail}</bdi> <span className="muted">{say.took(milliseconds)}</span>
      </span>
    </li>
  );
}

function Chain({ chain }: Pick<ProbeAttempt, "chain">) {
  if (chain.length === 0) return null;
  const say = texts.tryOut;
  return (
    <div className="probe-chain">
      <p className="probe-fact">{say.chain}</p>
      <ol>
        {chain.map(({ subject, issuer, notAfter }, index) => (
          <li key={index}>
            <bdi>{subject || texts.certificates.unnamed}</bdi>, {say.issuedBy} <bdi>{issuer || texts.certificates.unnamed}</bdi>,{" "}
            {say.until} {notAfter}
          </li>
        ))}
      </ol>
    </div>
  );
}
