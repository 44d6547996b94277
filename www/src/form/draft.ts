// The draft: the values of the form in the browser's storage, while they are neither saved nor in effect. What it reads is
// checked, since an older version of the page may have written it.

import { containsPrivateKey } from "../certificates/pem";
import {
  type AuthorityValues,
  type FormValues,
  newId,
  type ProjectValues,
  type RegistryValues,
  type ScopeValues,
} from "./values";

export interface Draft {
  /** The time at which it was stored, as `Date.now()`. */
  time: number;
  /** The `ETag` of the daemon's policy that its edits began with; absent without a daemon. */
  base?: string;
  values: FormValues;
}

const FORMAT = 1;

/** Pages under different paths are of different daemons. */
function storageKey(): string {
  return `pullgate-draft ${location.pathname}`;
}

/** Stores a draft. Returns false if the browser does not keep it. */
export function storeDraft(draft: Draft): boolean {
  try {
    const text = JSON.stringify({ format: FORMAT, ...draft, values: withoutSecrets(draft.values) });
    // No field takes a private key, and an opened policy loses it. What outlives the page is looked at once more.
    if (/PRIVATE KEY/i.test(text)) return false;
    localStorage.setItem(storageKey(), text);
    return true;
  } catch {
    removeDraft();
    return false;
  }
}

export function removeDraft(): void {
  try {
    localStorage.removeItem(storageKey());
  } catch {
    // Without storage there is no draft.
  }
}

/** Reads the stored draft. One that cannot be read is none. */
export function readDraft(): Draft | undefined {
  try {
    const text = localStorage.getItem(storageKey());
    return text === null || containsPrivateKey(text) ? undefined : parseDraft(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Removes user information from the entries: it may be a password, and is an error anyway. */
function withoutSecrets(values: FormValues): FormValues {
  const row = (row: RegistryValues) =>
    row.entry.includes("@") ? { ...row, entry: row.entry.replace(/^(\w+:\/\/)?.*@/, "$1") } : row;
  const scope = <S extends ScopeValues>(scope: S): S => ({
    ...scope,
    rows: scope.rows.map(row),
    blocked: scope.blocked.map(row),
    authorities: scope.authorities.map((authority) => ({ ...authority, registries: authority.registries.map(row) })),
  });
  return { ...scope(values), builtIn: values.builtIn.map(row), projects: values.projects.map(scope) };
}

/** Parses a draft. Throws a `TypeError` at the first value of a wrong type. */
export function parseDraft(input: unknown): Draft {
  const { format, time, base, values } = object(input);
  if (format !== FORMAT) throw new TypeError("a draft of another format");
  return { time: number(time), ...(base !== undefined && { base: string(base) }), values: formOf(object(values)) };
}

function formOf(values: Record<string, unknown>): FormValues {
  const { builtIn, projects, matchResolvedAddresses, unlistedProjects, preserved } = values;
  if (unlistedProjects !== undefined && unlistedProjects !== "deny" && unlistedProjects !== "global") throw new TypeError();
  return {
    ...scopeOf(values),
    builtIn: array(builtIn).map(rowOf),
    projects: array(projects).map((project): ProjectValues => {
      const members = object(project);
      return { id: newId(), name: string(members.name), ...scopeOf(members) };
    }),
    ...(matchResolvedAddresses !== undefined && { matchResolvedAddresses: boolean(matchResolvedAddresses) }),
    ...(unlistedProjects !== undefined && { unlistedProjects }),
    preserved: JSON.stringify(object(JSON.parse(string(preserved)))),
  };
}

function scopeOf({ whitelistMode, rows, blocked, authorities }: Record<string, unknown>): ScopeValues {
  return {
    whitelistMode: boolean(whitelistMode),
    rows: array(rows).map(rowOf),
    blocked: array(blocked).map(rowOf),
    authorities: array(authorities).map((authority): AuthorityValues => {
      const { pem, limited, registries } = object(authority);
      return { id: newId(), pem: string(pem), limited: boolean(limited), registries: array(registries).map(rowOf) };
    }),
  };
}

function rowOf(row: unknown): RegistryValues {
  const { entry, port, insecure, enabled, comment } = object(row);
  return {
    id: newId(),
    entry: string(entry),
    port: string(port),
    insecure: boolean(insecure),
    ...(enabled !== undefined && { enabled: boolean(enabled) }),
    ...(comment !== undefined && { comment: string(comment) }),
  };
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError();
  return value as Record<string, unknown>;
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError();
  return value;
}

function string(value: unknown): string {
  if (typeof value !== "string") throw new TypeError();
  return value;
}

function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError();
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new TypeError();
  return value;
}
