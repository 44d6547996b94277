// Decides the distinct requests of audit records by a policy, and groups what differs (rule A4).

import type { Decision, DnsQuery, Policy, Request } from "pullgate";
import type { DecisionRecord } from "./record";
import type { RecordedCase, RecordedRequests } from "./readRecords";

/** The kinds of difference, in the order in which they are shown. */
export const CHANGES = ["newly-denied", "newly-allowed", "reached-otherwise", "undecided"] as const;

export type ReplayChange = (typeof CHANGES)[number];

/** The requests to one registry that are decided otherwise in one way. */
export interface ChangedRegistry {
  change: ReplayChange;
  /** Absent for references that do not parse. */
  registry: string | undefined;
  /** True if a request is reached less safely. */
  lessSafe: boolean;
  records: number;
  references: number;
  /** The number of recorded denials that had no effect. */
  notEnforced: number;
  first: number;
  last: number;
  askers: string[];
  hasMoreAskers: boolean;
  projects: string[];
  /** The request with the most records. */
  example: { record: DecisionRecord; count: number; decision: Decision };
}

export interface ReplayReport {
  changes: ChangedRegistry[];
  records: number;
  requests: number;
  unchanged: number;
  /** The number of unchanged records that do not say how the registry was reached. */
  withoutTransport: number;
  first: number;
  last: number;
}

/** Requests decided in one call, so that the page stays responsive between two. */
const BATCH_SIZE = 500;

/** Decides every distinct request once. `proceed` is awaited between batches; it rejects to stop. */
export async function replay(
  { cases, records }: RecordedRequests,
  policy: Pick<Policy, "decideMany">,
  proceed: () => Promise<void>,
): Promise<ReplayReport> {
  const requests = new Map<string, Request>();
  for (const { requestKey, record } of cases) {
    if (!requests.has(requestKey)) requests.set(requestKey, requestOf(record));
  }
  const keys = [...requests.keys()];
  const decisions = new Map<string, Decision>();
  for (let start = 0; start < keys.length; start += BATCH_SIZE) {
    const batch = keys.slice(start, start + BATCH_SIZE);
    const decided = policy.decideMany(batch.map((key) => requests.get(key)!));
    batch.forEach((key, index) => decisions.set(key, decided[index]!));
    await proceed();
  }
  const groups = new Map<string, { row: ChangedRegistry; references: Set<string>; projects: Set<string> }>();
  const [first, last] = [Infinity, -Infinity];
  const report: ReplayReport = { changes: [], records, requests: keys.length, unchanged: 0, withoutTransport: 0, first, last };
  for (const recorded of cases) {
    const decision = decisions.get(recorded.requestKey)!;
    report.first = Math.min(report.first, recorded.first);
    report.last = Math.max(report.last, recorded.last);
    const difference = differenceOf(recorded.record, decision);
    if (difference === undefined) {
      report.unchanged += recorded.count;
      const isCompared = decision.decision !== "allow" || recorded.record.attempts !== undefined;
      if (!isCompared) report.withoutTransport += recorded.count;
      continue;
    }
    const key = JSON.stringify([difference.change, decision.registry]);
    let group = groups.get(key);
    if (group === undefined) {
      group = { row: emptyRow(difference.change, recorded, decision), references: new Set(), projects: new Set() };
      groups.set(key, group);
    }
    addCase(group.row, recorded, decision, difference.lessSafe);
    group.references.add(recorded.record.reference);
    if (recorded.record.project !== undefined) group.projects.add(recorded.record.project);
  }
  const rows = [...groups.values()].map(({ row, references, projects }) => {
    return { ...row, references: references.size, projects: [...projects].sort() };
  });
  report.changes = rows.sort(
    (one, other) =>
      CHANGES.indexOf(one.change) - CHANGES.indexOf(other.change) ||
      other.records - one.records ||
      (one.registry ?? "").localeCompare(other.registry ?? ""),
  );
  return report;
}

function requestOf({ reference, kind, project, dnsAnswers }: DecisionRecord): Request {
  return { reference, kind, dnsAnswers, ...(project !== undefined && { project }) };
}

function emptyRow(change: ReplayChange, recorded: RecordedCase, decision: Decision): ChangedRegistry {
  return {
    change,
    registry: decision.registry,
    lessSafe: false,
    records: 0,
    references: 0,
    notEnforced: 0,
    first: recorded.first,
    last: recorded.last,
    askers: [],
    hasMoreAskers: false,
    projects: [],
    example: { record: recorded.record, count: 0, decision },
  };
}

const MAX_ASKERS = 8;

function addCase(row: ChangedRegistry, recorded: RecordedCase, decision: Decision, lessSafe: boolean): void {
  row.lessSafe ||= lessSafe;
  row.records += recorded.count;
  row.notEnforced += recorded.notEnforced;
  row.first = Math.min(row.first, recorded.first);
  row.last = Math.max(row.last, recorded.last);
  const askers = new Set([...row.askers, ...recorded.askers]);
  row.hasMoreAskers ||= recorded.hasMoreAskers || askers.size > MAX_ASKERS;
  row.askers = [...askers].slice(0, MAX_ASKERS);
  if (recorded.count > row.example.count) {
    row.example = { record: recorded.record, count: recorded.count, decision };
  }
}

interface Difference {
  change: ReplayChange;
  lessSafe: boolean;
}

function differenceOf(record: DecisionRecord, decision: Decision): Difference | undefined {
  const is = (change: ReplayChange) => ({ change, lessSafe: false });
  if (decision.decision === "lookup") return is("undecided");
  if (decision.decision === "deny") return record.isAllowed ? is("newly-denied") : undefined;
  if (!record.isAllowed) return is("newly-allowed");
  if (record.attempts === undefined) return undefined;
  const { attempts, authorities = [] } = decision;
  const isUnverified = (all: typeof attempts) => all.some(({ verified }) => !verified);
  const hasPlainHttp = (all: typeof attempts) => all.some(({ scheme }) => scheme === "http");
  const [before, after] = [isUnverified(record.attempts), isUnverified(attempts)];
  // A record may have the first authorities only, and the number of all.
  const listed = authorities.slice(0, record.authorities.length);
  const hasMoreAuthorities =
    authorities.length > record.authorityCount || listed.some((authority) => !record.authorities.includes(authority));
  const lessSafe =
    (after && !before) ||
    (hasPlainHttp(attempts) && !hasPlainHttp(record.attempts)) ||
    (!before && !after && hasMoreAuthorities);
  const isSame =
    JSON.stringify(attempts.map(attemptKey)) === JSON.stringify(record.attempts.map(attemptKey)) &&
    authorities.length === record.authorityCount &&
    !hasMoreAuthorities;
  return isSame ? undefined : { change: "reached-otherwise", lessSafe };
}

function attemptKey({ scheme, port, verified, host }: { scheme: string; port: number; verified: boolean; host?: string }) {
  return [scheme, port, verified, host ?? null];
}

/** Returns the queries that an undecided request needs. */
export function queriesOf(decision: Decision): DnsQuery[] {
  return decision.decision === "lookup" ? decision.queries : [];
}
