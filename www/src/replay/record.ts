// One line of an audit record, as the daemon writes it or as `journalctl -o json --all` prints it.

import type { Attempt, DnsAnswer } from "pullgate";

/** The record of a decision by a policy. */
export interface DecisionRecord {
  byPolicy: true;
  /** In milliseconds since 1970-01-01 UTC. */
  time: number;
  /** The user, or the frontend if the user is not known. */
  asker: string;
  reference: string;
  kind: "image" | "registry";
  project: string | undefined;
  dnsAnswers: DnsAnswer[];
  isAllowed: boolean;
  reason: string;
  entry: string | undefined;
  /** The attempts of a permission; absent in a denial and in records of older versions. */
  attempts: Attempt[] | undefined;
  authorities: string[];
  authorityCount: number;
  isEnforced: boolean;
}

/** The record of a decision by a setting, which is not replayed. */
export interface OverrideRecord {
  byPolicy: false;
  reason: string;
}

/** The reasons of decisions by a policy, for records of older versions, which have no kind. */
const POLICY_REASONS = new Set([
  "matched",
  "undecided",
  "not-whitelisted",
  "invalid-reference",
  "invalid-request",
  "unknown-project",
  "blocked",
  "trap",
  "time-out",
  "memory",
]);

/** The record of a transfer, whose decision has a record of its own. */
export interface TransferRecord {
  byPolicy: undefined;
}

/** Parses a line; `undefined` if it is no record. Unknown members are ignored. */
export function parseRecord(line: string): DecisionRecord | OverrideRecord | TransferRecord | undefined {
  const members = parseObject(line);
  const reference = text(members, "reference");
  const decision = text(members, "decision");
  const time = timeOf(members);
  if (decision === undefined && member(members, "transfer") !== undefined) return { byPolicy: undefined };
  if (reference === undefined || time === undefined || (decision !== "allow" && decision !== "deny")) return undefined;
  const reason = text(members, "reason") ?? "";
  const kind = text(members, "kind");
  if (kind === undefined ? !POLICY_REASONS.has(reason) : kind !== "image" && kind !== "registry") {
    return kind === undefined ? { byPolicy: false, reason } : undefined;
  }
  // An older version wrote `caller` in place of answers.
  const given = json(members, "dnsAnswers");
  const dnsAnswers = given === undefined || given === "caller" ? [] : given;
  if (!isListOf(dnsAnswers, isDnsAnswer)) return undefined;
  const attempts = json(members, "attempts");
  const authorities = json(members, "authorities");
  const known = isListOf(authorities, isText) ? authorities : [];
  return {
    byPolicy: true,
    time,
    asker: text(members, "user") || text(members, "frontend") || "",
    reference,
    kind: (kind ?? (text(members, "action") === "login" ? "registry" : "image")) as DecisionRecord["kind"],
    project: text(members, "project"),
    dnsAnswers,
    isAllowed: decision === "allow",
    reason,
    entry: text(members, "entry"),
    attempts: isListOf(attempts, isAttempt) ? attempts : undefined,
    authorities: known,
    authorityCount: Number(json(members, "authorityCount") ?? known.length),
    isEnforced: json(members, "enforced") !== false,
  };
}

type Members = Record<string, unknown>;

function parseObject(line: string): Members {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Returns a member of a record, which is a field of its own in the journal. */
function member(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : members[`PULLGATE_${name.toUpperCase()}`];
}

/** Returns a text. The journal shows one that is not printable as an array of bytes. */
function text(members: Members, name: string): string | undefined {
  const value = member(members, name);
  if (isText(value)) return value;
  const isBytes = isListOf(value, (byte): byte is number => Number.isInteger(byte));
  return isBytes ? new TextDecoder().decode(Uint8Array.from(value)) : undefined;
}

/** Returns a value, which is a text with JSON in the journal. */
function json(members: Members, name: string): unknown {
  const value = member(members, name);
  if (!isText(value)) return value ?? undefined;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Returns the time of the record, or that of the journal, which is in microseconds. */
function timeOf(members: Members): number | undefined {
  const written = text(members, "time");
  const time = written === undefined ? Number(members.__REALTIME_TIMESTAMP) / 1_000 : Date.parse(written);
  return Number.isNaN(time) ? undefined : time;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isListOf<T>(value: unknown, isElement: (element: unknown) => element is T): value is T[] {
  return Array.isArray(value) && value.every(isElement);
}

function isDnsAnswer(value: unknown): value is DnsAnswer {
  if (!isObject(value)) return false;
  const { kind, subject, answers } = value;
  return (kind === "reverse" || kind === "forward") && isText(subject) && isListOf(answers, isText);
}

function isAttempt(value: unknown): value is Attempt {
  if (!isObject(value)) return false;
  const { scheme, port, verified, host } = value;
  const isKnown = (scheme === "https" || scheme === "http") && Number.isInteger(port) && typeof verified === "boolean";
  return isKnown && (host === undefined || isText(host));
}
