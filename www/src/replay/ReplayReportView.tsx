// The result of a replay: a table for each kind of difference, and what was not replayed.

import type { Attempt, Decision } from "pullgate";
import { useEffect } from "react";
import { announce } from "../announce";
import { formatCount } from "../quantities";
import { replayMessages as t } from "./messages";
import type { DecisionRecord } from "./record";
import type { RecordedRequests } from "./readRecords";
import { CHANGES, type ChangedRegistry, queriesOf, type ReplayReport } from "./replay";

/** Maximum number of registries that are shown for one kind of difference. */
const MAX_ROWS = 100;

interface Props {
  report: ReplayReport;
  requests: RecordedRequests;
}

export function ReplayReportView({ report, requests }: Props) {
  const { records, first, last, unchanged } = report;
  const summary = t.summary(records, report.requests, minute(first), minute(last), unchanged);
  useEffect(() => announce(summary), [summary]);
  const overrides = [...requests.overrides].map(([reason, count]) => `${reason || "–"} ${formatCount(count)}`);
  const overridden = [...requests.overrides.values()].reduce((sum, count) => sum + count, 0);
  return (
    <div className="replay-report">
      {CHANGES.map((change) => {
        const rows = report.changes.filter((row) => row.change === change);
        return rows.length > 0 && <ChangeTable key={change} rows={rows} title={t.changes[change]} />;
      })}
      {report.changes.length === 0 && <p>{t.same}</p>}
      <p className="muted">{summary}</p>
      {report.withoutTransport > 0 && <p className="muted">{t.withoutTransport(report.withoutTransport)}</p>}
      {overridden > 0 && <p className="muted">{t.overrides(overridden, overrides)}</p>}
      {requests.noRecords && (
        <p className="muted">{t.noRecords(requests.noRecords.count, requests.noRecords.file, requests.noRecords.line)}</p>
      )}
      {requests.cutOff.length > 0 && <p className="muted">{t.cutOff(requests.cutOff)}</p>}
    </div>
  );
}

function ChangeTable({ rows, title }: { rows: ChangedRegistry[]; title: string }) {
  return (
    <>
      <div className="replay-scroll" tabIndex={0} role="group" aria-label={title}>
        <table className="replay-table" data-change={rows[0]?.change}>
          <caption>{title}</caption>
          <thead>
            <tr>
              {Object.values(t.columns).map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MAX_ROWS).map((row) => (
              <ChangeRow key={row.registry ?? ""} row={row} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > MAX_ROWS && <p className="muted">{t.hidden(rows.length - MAX_ROWS)}</p>}
    </>
  );
}

function ChangeRow({ row }: { row: ChangedRegistry }) {
  const { record, decision } = row.example;
  const reference = record.kind === "registry" ? t.login(record.reference) : record.reference;
  const isBoth = row.change === "reached-otherwise";
  return (
    <tr data-less-safe={row.lessSafe || undefined}>
      <td className="number">{formatCount(row.records)}</td>
      <th scope="row">{row.registry ?? t.noRegistry}</th>
      <td>{minute(row.first)}</td>
      <td>{minute(row.last)}</td>
      <td>{t.askers(row.askers, row.hasMoreAskers, row.projects)}</td>
      <td>
        {reference}
        {row.references > 1 && t.more(row.references - 1)}
      </td>
      <td>{recordedText(record, isBoth)}</td>
      <td>
        {decidedText(decision, isBoth)}
        {row.lessSafe && <strong className="less-safe"> {t.lessSafe}</strong>}
      </td>
    </tr>
  );
}

function recordedText({ isAllowed, reason, entry, attempts, authorityCount }: DecisionRecord, isBoth: boolean): string {
  if (isBoth) return transportText(attempts ?? [], authorityCount);
  return isAllowed ? t.allowedBy(entry) : t.denied(reason, entry);
}

function decidedText(decision: Decision, isBoth: boolean): string {
  if (decision.decision === "lookup") {
    return queriesOf(decision).map(({ kind, subject }) => t.needs[kind](subject)).join(", ");
  }
  if (decision.decision === "deny") return t.denied(decision.reason, (decision.by ?? decision.nearest)?.entry);
  return isBoth ? transportText(decision.attempts, decision.authorities?.length ?? 0) : t.allowedBy(decision.by?.entry);
}

function transportText(attempts: Attempt[], authorities: number): string {
  const ways = attempts.map(({ scheme, port, verified }) => t.attempt(scheme, port, verified)).join(", then ");
  return authorities === 0 ? ways : `${ways}, ${t.authorities(authorities)}`;
}

/** Formats a time in UTC to its minute. */
function minute(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}
