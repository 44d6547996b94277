// Conversion between the values of the form and a policy document.

import type { MatchedEntry, PolicyAuthority, PolicyDocument, PolicyEntry, PolicyProject } from "pullgate";
import { join, split } from "./hostPort";
import {
  type AuthorityValues,
  blankRow,
  type FormValues,
  isBlank,
  newId,
  type RegistryValues,
  type ScopeValues,
} from "./values";

/**
 * The rows and authorities of a document's elements, by the JSON Pointers (RFC 6901) of their lists. Blank and hidden rows
 * are not in the document.
 */
export interface DocumentPlaces {
  rows: Map<string, readonly RegistryValues[]>;
  authorities: Map<string, readonly AuthorityValues[]>;
}

export function textOf(row: RegistryValues): string {
  return row.port === "" ? row.entry : join({ host: row.entry, port: row.port }).text;
}

/** Returns whether the form shows a row: with whitelist mode off, only insecure registries have an effect. */
export function isVisible(row: RegistryValues, whitelistMode: boolean): boolean {
  return whitelistMode || row.insecure;
}

/** Returns the pointer of a project in the document, or that of the document itself. */
export function scopePointer(project: string | undefined): string {
  return project === undefined ? "" : `/projects/${project.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Returns the pointer of the list that a decision names. */
export function listPointer({ list, project }: MatchedEntry): string {
  return `${scopePointer(project)}/${list === "built-in" ? "built_in" : list}`;
}

/** Returns the chosen project, if the policy still has it: another policy may have been opened since. */
export function projectOf({ projects }: PolicyDocument, chosen: string): string | undefined {
  return chosen !== "" && Object.hasOwn(projects ?? {}, chosen) ? chosen : undefined;
}

/** Converts the values of the form to a document. */
export function documentOf(values: FormValues): { document: PolicyDocument; places: DocumentPlaces } {
  const places: DocumentPlaces = { rows: new Map(), authorities: new Map() };
  const document: PolicyDocument = scopeMembers(values, "", places);
  const builtIn = filled(values.builtIn);
  if (builtIn.length > 0) {
    places.rows.set("/built_in", builtIn);
    document.built_in = builtIn.map(element);
  }
  if (values.matchResolvedAddresses !== undefined) document.match_resolved_addresses = values.matchResolvedAddresses;
  if (values.projects.length > 0) {
    document.projects = Object.fromEntries(
      values.projects.map((project) => [project.name, scopeMembers(project, scopePointer(project.name), places)]),
    );
  }
  if (values.unlistedProjects !== undefined) document.unlisted_projects = values.unlistedProjects;
  return { document: { ...document, ...(JSON.parse(values.preserved) as PolicyDocument) }, places };
}

function scopeMembers(scope: ScopeValues, pointer: string, places: DocumentPlaces): PolicyProject {
  const rows = filled(scope.rows);
  const secure = rows.filter((row) => !row.insecure);
  const insecure = rows.filter((row) => row.insecure);
  const members: PolicyProject = {};
  // An empty whitelist counts too: it allows only the insecure entries.
  if (scope.whitelistMode) {
    places.rows.set(`${pointer}/whitelist`, secure);
    members.whitelist = secure.map(element);
  }
  if (insecure.length > 0) {
    places.rows.set(`${pointer}/insecure`, insecure);
    members.insecure = insecure.map(element);
  }
  const blocked = filled(scope.blocked);
  if (blocked.length > 0) {
    places.rows.set(`${pointer}/blocked`, blocked);
    members.blocked = blocked.map(element);
  }
  if (scope.authorities.length > 0) {
    const authorities = `${pointer}/certificate_authorities`;
    places.authorities.set(authorities, scope.authorities);
    members.certificate_authorities = scope.authorities.map((authority, index): PolicyAuthority => {
      if (!authority.limited) return { pem: authority.pem };
      const registries = filled(authority.registries);
      places.rows.set(`${authorities}/${index}/registries`, registries);
      return { pem: authority.pem, registries: registries.map(element) };
    });
  }
  return members;
}

function filled(rows: readonly RegistryValues[]): RegistryValues[] {
  return rows.filter((row) => !isBlank(row));
}

function element(row: RegistryValues): PolicyEntry {
  const { enabled, comment } = row;
  const entry = textOf(row);
  if (enabled === undefined && comment === undefined) return entry;
  return { entry, ...(enabled !== undefined && { enabled }), ...(comment !== undefined && { comment }) };
}

/** Converts a document with valid member names and types to values of the form. */
export function valuesOf(document: PolicyDocument): FormValues {
  const {
    whitelist,
    insecure,
    blocked,
    certificate_authorities,
    built_in: builtIn,
    match_resolved_addresses: matchResolvedAddresses,
    projects,
    unlisted_projects: unlistedProjects,
    ...preserved
  } = document;
  return {
    ...scopeValues({
      ...(whitelist && { whitelist }),
      ...(insecure && { insecure }),
      ...(blocked && { blocked }),
      ...(certificate_authorities && { certificate_authorities }),
    }),
    builtIn: (builtIn ?? []).map(rowOf),
    ...(matchResolvedAddresses !== undefined && { matchResolvedAddresses }),
    projects: Object.entries(projects ?? {}).map(([name, project]) => ({ id: newId(), name, ...scopeValues(project) })),
    ...(unlistedProjects !== undefined && { unlistedProjects }),
    preserved: JSON.stringify(preserved),
  };
}

function scopeValues({ whitelist, insecure, blocked, certificate_authorities: authorities }: PolicyProject): ScopeValues {
  const whitelistMode = whitelist !== undefined;
  const insecureRow = (given: PolicyEntry): RegistryValues => {
    const row = { ...rowOf(given), insecure: true };
    return whitelistMode ? row : inTwoFields(row);
  };
  const rows = [...(whitelist ?? []).map(rowOf), ...(insecure ?? []).map(insecureRow)];
  return {
    whitelistMode,
    rows: rows.length > 0 ? rows : [blankRow(!whitelistMode)],
    blocked: (blocked ?? []).map(rowOf),
    authorities: (authorities ?? []).map(({ pem, registries }) => ({
      id: newId(),
      pem,
      limited: registries !== undefined,
      registries: (registries ?? []).map(rowOf),
    })),
  };
}

function rowOf(given: PolicyEntry): RegistryValues {
  return { ...blankRow(), ...(typeof given === "string" ? { entry: given } : given) };
}

/** Converts rows to the other mode, with the port in its own field or in the entry. Preserves all typed text. */
export function rowsForMode(rows: readonly RegistryValues[], whitelistMode: boolean): RegistryValues[] {
  const shown = whitelistMode ? rows.map(inOneField) : rows.map((row) => (row.insecure ? inTwoFields(row) : row));
  // Each mode needs one blank row to type into. The blank row of the other mode is dropped.
  const needed = shown.filter((row) => !isBlank(row) || row.insecure !== whitelistMode);
  return needed.some((row) => isVisible(row, whitelistMode)) ? needed : [...needed, blankRow(!whitelistMode)];
}

function inOneField(row: RegistryValues): RegistryValues {
  return row.port === "" ? row : { ...row, entry: textOf(row), port: "" };
}

function inTwoFields(row: RegistryValues): RegistryValues {
  const { host, port } = split(textOf(row));
  return { ...row, entry: host, port };
}
