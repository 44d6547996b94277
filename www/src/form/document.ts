// Conversion between the values of the form and a policy document.

import type { PolicyAuthority, PolicyDocument, PolicyEntry } from "pullgate";
import { join, split } from "./hostPort";
import { type AuthorityValues, blankRow, type FormValues, isBlank, type LimitValues, type RegistryValues } from "./values";

/** The row of each element of the document's lists: blank and hidden rows are not in the document. */
export interface RowIndexes {
  whitelist: number[];
  insecure: number[];
  registries: number[][];
}

export function textOf(row: RegistryValues): string {
  return join({ host: row.entry, port: row.port }).text;
}

/** Returns whether the form shows a row: with whitelist mode off, only insecure registries have an effect. */
export function isVisible(row: RegistryValues, whitelistMode: boolean): boolean {
  return whitelistMode || row.insecure;
}

/** Returns the members of the opened document that have no field. */
export function preservedMembers(values: FormValues): PolicyDocument {
  return JSON.parse(values.preserved) as PolicyDocument;
}

/** Returns the chosen project, if the policy still has it: another policy may have been opened since. */
export function projectOf({ projects }: PolicyDocument, chosen: string): string | undefined {
  return chosen !== "" && Object.hasOwn(projects ?? {}, chosen) ? chosen : undefined;
}

/** Converts the values of the form to a document. */
export function documentOf(values: FormValues): { document: PolicyDocument; rowIndexes: RowIndexes } {
  const secure = filled(values.rows, (row) => !row.insecure);
  const insecure = filled(values.rows, (row) => row.insecure);
  const rows = (indexes: number[]) => indexes.map((index) => rowElement(values.rows[index]!));
  const registries = values.authorities.map((authority) => filled(authority.registries, () => true));
  const document: PolicyDocument = {};
  // An empty whitelist counts too: it allows only the insecure entries.
  if (values.whitelistMode) document.whitelist = rows(secure);
  if (insecure.length > 0) document.insecure = rows(insecure);
  if (values.authorities.length > 0) {
    document.certificate_authorities = values.authorities.map((authority, index) =>
      authorityElement(authority, registries[index]!),
    );
  }
  const rowIndexes = { whitelist: secure, insecure, registries };
  return { document: { ...document, ...preservedMembers(values) }, rowIndexes };
}

function filled<R extends RegistryValues | LimitValues>(rows: readonly R[], wanted: (row: R) => boolean): number[] {
  return rows.flatMap((row, index) => (!isBlank(row) && wanted(row) ? [index] : []));
}

function rowElement(row: RegistryValues): PolicyEntry {
  return element({ ...row, entry: textOf(row) });
}

function element({ entry, enabled, comment }: LimitValues): PolicyEntry {
  if (enabled === undefined && comment === undefined) return entry;
  return { entry, ...(enabled !== undefined && { enabled }), ...(comment !== undefined && { comment }) };
}

function authorityElement({ pem, limited, registries }: AuthorityValues, indexes: number[]): PolicyAuthority {
  return limited ? { pem, registries: indexes.map((index) => element(registries[index]!)) } : { pem };
}

/** Converts a document with valid member names and types to values of the form. */
export function valuesOf(document: PolicyDocument): FormValues {
  const { whitelist, insecure, certificate_authorities: authorities, ...preserved } = document;
  const whitelistMode = whitelist !== undefined;
  const row = (insecure: boolean) => (given: PolicyEntry): RegistryValues => {
    const { entry, ...rest } = limitOf(given);
    const { host, port } = whitelistMode ? { host: entry, port: "" } : split(entry);
    return { entry: host, port, insecure, ...rest };
  };
  const rows = [...(whitelist ?? []).map(row(false)), ...(insecure ?? []).map(row(true))];
  return {
    whitelistMode,
    rows: rows.length > 0 ? rows : [blankRow(!whitelistMode)],
    authorities: (authorities ?? []).map(({ pem, registries }) => ({
      pem,
      limited: registries !== undefined,
      registries: (registries ?? []).map(limitOf),
    })),
    preserved: JSON.stringify(preserved),
  };
}

function limitOf(given: PolicyEntry): LimitValues {
  return typeof given === "string" ? { entry: given } : given;
}

/** Converts rows to the other mode, with the port in its own field or in the entry. Preserves all typed text. */
export function rowsForMode(rows: readonly RegistryValues[], whitelistMode: boolean): RegistryValues[] {
  const shown = whitelistMode ? rows.map(inOneField) : rows.map((row) => (row.insecure ? inTwoFields(row) : row));
  // Each mode needs one blank row to type into. The blank row of the other mode is dropped.
  const needed = shown.filter((row) => !isBlank(row) || row.insecure !== whitelistMode);
  return needed.some((row) => isVisible(row, whitelistMode)) ? needed : [...needed, blankRow(!whitelistMode)];
}

function inOneField(row: RegistryValues): RegistryValues {
  return { ...row, entry: textOf(row), port: "" };
}

function inTwoFields(row: RegistryValues): RegistryValues {
  const { host, port } = split(textOf(row));
  return { ...row, entry: host, port };
}
