// The texts of replays, for translation.

import { formatCount, LIST, plural } from "../quantities";
import type { ReplayChange } from "./replay";

export const replayMessages = {
  title: "What it would have done",
  intro: "Drop the daemon's audit record here: what this policy would have decided otherwise. It stays in this browser.",
  choose: "Choose audit records…",
  drop: "or drop them here; rotated and compressed (gzip) ones too",
  dropNow: "Drop to replay",
  dropZone: "Drop zone for audit records",
  reading: (lines: number) => `Reading: ${plural(lines, "line", "lines")}`,
  deciding: "Deciding…",
  stop: "Stop",
  forget: "Forget the record",
  unread: (file: string) => `The file "${file}" cannot be read.`,
  empty: "No line of this is the record of a decision by a policy.",
  noPolicy: "The policy has errors, so it decides nothing.",
  failed: "The module failed, so nothing can be said. Try again.",
  changes: {
    "newly-denied": "Now denied, and allowed on record",
    "newly-allowed": "Now allowed, and denied on record",
    "reached-otherwise": "Reached otherwise",
    undecided: "Undecided: it depends on DNS, and the answers are not on record",
  } satisfies Record<ReplayChange, string>,
  same: "Every request on record is decided as before.",
  summary: (records: number, requests: number, first: string, last: string, unchanged: number) =>
    `${plural(records, "record", "records")} of ${plural(requests, "distinct request", "distinct requests")}, ${first} to ${last}; ${formatCount(unchanged)} decided as before.`,
  withoutTransport: (records: number) =>
    `${plural(records, "record does", "records do")} not say how the registry was reached: this is not compared.`,
  overrides: (records: number, reasons: string[]) =>
    `${plural(records, "record", "records")} of decisions without a policy are not replayed: ${LIST.format(reasons)}.`,
  noRecords: (lines: number, file: string, line: number) =>
    `${plural(lines, "line is no record", "lines are no records")}; the first is line ${formatCount(line)} of ${file}.`,
  cutOff: (files: string[]) => `Cut off at the end: ${LIST.format(files)}.`,
  columns: {
    records: "Records",
    registry: "Registry",
    first: "First",
    last: "Last",
    askers: "Asked by",
    example: "Such as",
    before: "On record",
    after: "Now",
  },
  noRegistry: "none",
  askers: (names: string[], hasMore: boolean, projects: string[]) => {
    const users = `${names.join(", ")}${hasMore ? " and more" : ""}`;
    return projects.length === 0 ? users : `${users} (${projects.length === 1 ? "project" : "projects"} ${projects.join(", ")})`;
  },
  more: (references: number) => ` and ${formatCount(references)} more`,
  login: (registry: string) => `a login to ${registry}`,
  lessSafe: "less safe",
  allowedBy: (entry: string | undefined) => (entry === undefined ? "allowed by no entry" : `allowed by ${entry}`),
  denied: (reason: string, entry: string | undefined) =>
    entry === undefined ? reason : reason === "blocked" ? `blocked by ${entry}` : `${reason}, nearest ${entry}`,
  needs: { reverse: (subject: string) => `needs the names of ${subject}`, forward: (subject: string) => `needs the addresses of ${subject}` },
  attempt: (scheme: string, port: number, verified: boolean) =>
    `${scheme === "http" ? "plain HTTP" : verified ? "verified HTTPS" : "unverified HTTPS"} on ${port}`,
  authorities: (count: number) => plural(count, "authority", "authorities"),
  hidden: (rows: number) => `${plural(rows, "more registry", "more registries")} are not shown: pullgate replay --json lists all.`,
};
