// The effect of replacing one policy by another, by the module: what becomes allowed or less safe comes first.

import { type ChangeKind, compare, type CompareResult, type Comparison, type PolicyDocument, type Region } from "pullgate";
import { useDeferredValue, useMemo } from "react";
import { messages } from "../../messages";
import { formatCount } from "../../quantities";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Icon } from "../ui/Icon";

/** Every kind of change, the riskier first. The first four make a policy wider. */
const ORDER: ChangeKind[] = [
  "newly-allowed",
  "now-plain-http",
  "now-unverified",
  "other-authorities",
  "now-by-dns",
  "newly-denied",
  "now-verified",
  "no-longer-plain-http",
  "no-longer-by-dns",
];
const RISKY = new Set<ChangeKind>(["newly-allowed", "now-plain-http", "now-unverified", "other-authorities"]);

/** The number of regions of a kind that are shown at once. */
const SHOWN_REGIONS = 20;

export function useComparison(before: PolicyDocument, after: string): CompareResult {
  const text = useDeferredValue(after);
  return useMemo(() => compare(before, text), [before, text]);
}

export function ComparisonView({ result }: { result: CompareResult }) {
  const t = messages.compare;
  if (!result.ok) {
    const isInternal = [...result.first, ...result.second].some(({ code }) => code === "internal");
    return (
      <p className="notice" data-severity={isInternal ? "unchecked" : "error"}>
        {isInternal ? messages.findings.unchecked : t.errors}
      </p>
    );
  }
  const { verdict, exhaustive, modes, matchResolvedAddresses, regions, omitted } = result.comparison;
  return (
    <div className="comparison" data-verdict={verdict}>
      <p className="notice" data-severity={verdict === "wider" ? "warning" : verdict === "same" ? "info" : "good"}>
        <span className="notice-line">
          <Icon name={verdict === "wider" ? "warning" : verdict === "same" ? "info" : "check"} />
          <span>{t.verdict[verdict]}</span>
        </span>
      </p>
      {!exhaustive && <p>{t.notExhaustive}</p>}
      {modes.length > 0 && (
        <ul className="plain-list">
          {modes.map(({ project, on }) => (
            <li key={project ?? ""}>{t.mode(on, project)}</li>
          ))}
        </ul>
      )}
      {matchResolvedAddresses !== undefined && <p>{t.matchResolvedAddresses(matchResolvedAddresses)}</p>}
      {ORDER.map((kind) => (
        <RegionGroup
          key={kind}
          kind={kind}
          regions={regions.filter(({ change }) => change === kind)}
          more={omittedOf(omitted, kind)}
        />
      ))}
    </div>
  );
}

function omittedOf(omitted: Comparison["omitted"], kind: ChangeKind): number {
  return omitted.find(({ change }) => change === kind)?.count ?? 0;
}

function RegionGroup({ kind, regions, more }: { kind: ChangeKind; regions: Region[]; more: number }) {
  if (regions.length === 0) return null;
  const t = messages.compare;
  const rest = regions.slice(SHOWN_REGIONS);
  return (
    <section className="regions" data-change={kind} data-risky={RISKY.has(kind)}>
      <h3>
        <Icon name={RISKY.has(kind) ? "warning" : "info"} />
        {t.kinds[kind]} <span className="muted">({formatCount(regions.length + more)})</span>
      </h3>
      <RegionList regions={regions.slice(0, SHOWN_REGIONS)} />
      {rest.length > 0 && (
        <details>
          <summary>{t.moreRegions(rest.length + more)}</summary>
          <RegionList regions={rest} />
          {more > 0 && <p className="muted">{t.omitted(more)}</p>}
        </details>
      )}
    </section>
  );
}

function RegionList({ regions }: { regions: Region[] }) {
  const t = messages.compare;
  return (
    <ul className="region-list">
      {regions.map(({ text, unverified, witness }, index) => (
        <li key={index}>
          <p>
            <FormattedMessage text={text} isAboutFile />
            {unverified && <span className="chip warning">{t.unverified}</span>}
          </p>
          <p className="witness">
            <span className="muted">{t.example}</span>{" "}
            <bdi>
              <code>{witness.reference}</code>
            </bdi>{" "}
            {witness.kind === "registry" && <span className="muted">{t.login} </span>}
            {witness.project !== undefined && <span className="muted">{t.inProject(witness.project)} </span>}
            {witness.dnsAnswers?.map((answer) => (
              <span key={`${answer.kind} ${answer.subject}`} className="muted">
                {t.withDns(answer.subject, answer.answers)}{" "}
              </span>
            ))}
            <span className="witness-change">
              <FormattedMessage text={witness.before} isAboutFile /> → <FormattedMessage text={witness.after} isAboutFile />
            </span>
          </p>
        </li>
      ))}
    </ul>
  );
}
