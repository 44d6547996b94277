// Analysis of the form's values by the module, with findings sorted by the row or authority that shows them.

import { checkEntry, checkPolicy, type EntryList, type EntryReport, type Finding, type PolicyDocument, type PolicyReport } from "pullgate";
import { type DocumentPlaces, documentOf, textOf } from "./document";
import type { FormValues, RegistryValues } from "./values";

/** The findings of one row. Ranges refer to `text`; a finding about the policy as a whole has none. */
export interface FieldReport {
  text: string;
  findings: Finding[];
  /** The canonical form, if it differs from the typed text. */
  canonical?: string;
}

/** The findings of the policy's check about one row, as it was then. */
interface RowFindings {
  row: RegistryValues;
  findings: Finding[];
}

/** The values of the form with the document that they are. */
export interface FormDocument {
  values: FormValues;
  document: PolicyDocument;
  places: DocumentPlaces;
  /** The document as JSON. */
  text: string;
}

/** What is known of the form's values. During a check they are older than those of the form. */
export interface PolicyAnalysis extends FormDocument {
  /** The document in canonical form, and as JSON; absent if it does not load. */
  canonical: PolicyDocument | undefined;
  canonicalText: string | undefined;
  /** By the identity of the row, in the order of the document. */
  rows: Map<number, RowFindings>;
  /** By the identity of the authority. */
  authorities: Map<number, Finding[]>;
  /** The findings about a list as a whole, by its pointer. */
  lists: Map<string, Finding[]>;
  /** The findings about other members, with their paths. */
  others: Finding[];
  errors: number;
  warnings: number;
  /** True if certificates are left out of the trust anchors because of their dates (rule P3). */
  ignoresCertificates: boolean;
  /** True if the module failed, so that nothing is known. */
  unchecked: boolean;
}

const DATE_CODES: Finding["code"][] = ["certificate-expired", "certificate-not-yet-valid"];

export function formDocument(values: FormValues): FormDocument {
  const { document, places } = documentOf(values);
  return { values, document, places, text: JSON.stringify(document) };
}

export function analyse(values: FormValues): PolicyAnalysis {
  const formed = formDocument(values);
  return analysisOf(formed, checkPolicy(formed.text));
}

/** Returns the analysis of a document by the report of its check. */
export function analysisOf(formed: FormDocument, { findings, canonical }: PolicyReport): PolicyAnalysis {
  const count = (severity: Finding["severity"]) =>
    findings.filter((finding) => finding.severity === severity && finding.code !== "internal").length;
  const analysis: PolicyAnalysis = {
    ...formed,
    canonical: canonical === undefined ? undefined : (JSON.parse(canonical) as PolicyDocument),
    canonicalText: canonical,
    rows: new Map(),
    authorities: new Map(),
    lists: new Map(),
    others: [],
    errors: count("error"),
    warnings: count("warning"),
    ignoresCertificates: findings.some(({ code }) => DATE_CODES.includes(code)),
    unchecked: findings.some(({ code }) => code === "internal"),
  };
  for (const finding of findings) fileFinding(finding, analysis);
  return analysis;
}

const ELEMENT = /^(.+)\/(\d+)$/;
const AUTHORITY_MEMBER = /^(.*\/certificate_authorities)\/(\d+)(?:\/|$)/;

function fileFinding(finding: Finding, analysis: PolicyAnalysis): void {
  const { path } = finding;
  if (path === undefined) return;
  // The range refers to the JSON text, which the form does not show.
  const { range: _, fix: __, ...shown } = finding;
  const row = elementAt(analysis.places.rows, ELEMENT.exec(path.replace(/\/(?:entry|enabled|comment)$/, "")));
  const authority = elementAt(analysis.places.authorities, AUTHORITY_MEMBER.exec(path));
  if (row !== undefined) {
    const known = analysis.rows.get(row.id);
    if (known === undefined) analysis.rows.set(row.id, { row, findings: [shown] });
    else known.findings.push(shown);
  } else if (authority !== undefined) {
    append(analysis.authorities, authority.id, shown);
  } else if (analysis.places.rows.has(path)) {
    append(analysis.lists, path, shown);
  } else {
    analysis.others.push(shown);
  }
}

function elementAt<T>(lists: Map<string, readonly T[]>, match: RegExpExecArray | null): T | undefined {
  const [, pointer, index] = match ?? [];
  return pointer === undefined ? undefined : lists.get(pointer)?.[Number(index)];
}

function append<K>(map: Map<K, Finding[]>, key: K, finding: Finding): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [finding]);
  else known.push(finding);
}

/**
 * Returns what is found about a row: at once what its text says by itself, with ranges and fixes, and what the policy says
 * of it once the analysis has caught up with the row.
 */
export function reportOf(row: RegistryValues, list: EntryList, known: RowFindings | undefined): FieldReport {
  const text = textOf(row);
  const alone = checkEntryOnce(row, text, list);
  if (known === undefined || known.row !== row) return withCanonical(text, alone.findings, alone);
  const rest = [...alone.findings];
  const findings = known.findings.map((finding) => {
    const same = rest.findIndex(({ code }) => code === finding.code);
    return same === -1 ? finding : rest.splice(same, 1)[0]!;
  });
  const unchecked = rest.filter(({ code }) => code === "internal");
  return withCanonical(text, [...findings, ...unchecked], alone);
}

function withCanonical(text: string, findings: Finding[], { entry }: EntryReport): FieldReport {
  return { text, findings, ...(entry !== undefined && entry !== text && { canonical: entry }) };
}

const checkedEntries = new WeakMap<RegistryValues, { list: EntryList; report: EntryReport }>();

/** Checks the entry of a row. Rows are immutable, so that the report is kept; a failure of the module is not. */
function checkEntryOnce(row: RegistryValues, text: string, list: EntryList): EntryReport {
  const known = checkedEntries.get(row);
  if (known?.list === list) return known.report;
  const report = text === "" ? { text, findings: [] } : checkEntry(text, list);
  if (!report.findings.some(({ code }) => code === "internal")) checkedEntries.set(row, { list, report });
  return report;
}
