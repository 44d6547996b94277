// Analysis of the form's current values by the module, with findings sorted by the field that shows them.

import { checkEntry, checkPolicy, type EntryList, type Finding, type PolicyDocument } from "pullgate";
import { documentOf, type RowIndexes, textOf } from "./document";
import { fieldOf } from "./schema";
import type { FormValues } from "./values";

/** The findings of one field. Ranges refer to `text`; a finding about the policy as a whole has none. */
export interface FieldReport {
  text: string;
  findings: Finding[];
  /** The canonical form, if it differs from the typed text. */
  canonical?: string;
}

export interface PolicyAnalysis {
  document: PolicyDocument;
  /** The checked document, as JSON. */
  text: string;
  /** The document in canonical form; absent if it does not load. */
  canonical: PolicyDocument | undefined;
  rowIndexes: RowIndexes;
  rows: Map<number, FieldReport>;
  /** The reports of the registries that authorities are limited to, by `authority/row`. */
  limits: Map<string, FieldReport>;
  authorities: Map<number, Finding[]>;
  /** The findings about a list as a whole. */
  lists: Finding[];
  /** The findings about members without a field. */
  preserved: Finding[];
  errors: number;
  warnings: number;
  /** True if certificates are left out of the trust anchors because of their dates (rule P3). */
  ignoresCertificates: boolean;
  /** True if the module failed, so that nothing is known. */
  unchecked: boolean;
}

const DATE_CODES: Finding["code"][] = ["certificate-expired", "certificate-not-yet-valid"];

export function analyse(values: FormValues): PolicyAnalysis {
  const { document, rowIndexes } = documentOf(values);
  const text = JSON.stringify(document);
  const { findings, canonical } = checkPolicy(text);
  const count = (severity: Finding["severity"]) =>
    findings.filter((finding) => finding.severity === severity && finding.code !== "internal").length;
  const analysis: PolicyAnalysis = {
    document,
    text,
    canonical: canonical === undefined ? undefined : (JSON.parse(canonical) as PolicyDocument),
    rowIndexes,
    rows: new Map(),
    limits: new Map(),
    authorities: new Map(),
    lists: [],
    preserved: [],
    errors: count("error"),
    warnings: count("warning"),
    ignoresCertificates: findings.some(({ code }) => DATE_CODES.includes(code)),
    unchecked: findings.some(({ code }) => code === "internal"),
  };
  for (const finding of findings) fileFinding(finding, analysis, values);
  for (const list of ["whitelist", "insecure"] as const) {
    // With whitelist mode off, the rows of the whitelist are hidden and unchecked.
    if (document[list] === undefined) continue;
    for (const index of rowIndexes[list]) addEntryReport(analysis.rows, index, textOf(values.rows[index]!), list);
  }
  for (const [authority, rows] of rowIndexes.registries.entries()) {
    if (!values.authorities[authority]?.limited) continue;
    for (const row of rows) {
      // A limit has the syntax of an insecure entry: a host and a port, with any scheme.
      const { entry } = values.authorities[authority].registries[row]!;
      addEntryReport(analysis.limits, `${authority}/${row}`, entry, "insecure");
    }
  }
  return analysis;
}

function fileFinding(finding: Finding, analysis: PolicyAnalysis, values: FormValues): void {
  if (finding.path === undefined) return;
  const [field, index, inside, row] = fieldOf(pointerSegments(finding.path), analysis.rowIndexes);
  // The range refers to the JSON text, which the form does not show.
  const { range: _, fix: __, ...shown } = finding;
  if (field === "rows") {
    appendFinding(analysis.rows, index as number, textOf(values.rows[index as number]!), shown);
  } else if (field === "authorities" && inside === "registries") {
    const { entry } = values.authorities[index as number]!.registries[row as number]!;
    appendFinding(analysis.limits, `${index}/${row}`, entry, shown);
  } else if (field === "authorities") {
    analysis.authorities.set(index as number, [...(analysis.authorities.get(index as number) ?? []), shown]);
  } else if (finding.path === "/whitelist" || finding.path === "/insecure") {
    analysis.lists.push(shown);
  } else {
    analysis.preserved.push(shown);
  }
}

function appendFinding<K>(reports: Map<K, FieldReport>, key: K, text: string, finding: Finding): void {
  const report = reports.get(key);
  if (report === undefined) reports.set(key, { text, findings: [finding] });
  else report.findings.push(finding);
}

/** Adds the ranges and fixes of the check of a single entry to the findings of the policy's check. */
function addEntryReport<K>(reports: Map<K, FieldReport>, key: K, text: string, list: EntryList): void {
  const alone = checkEntry(text, list);
  const rest = [...alone.findings];
  const findings = (reports.get(key)?.findings ?? []).map((finding) => {
    const same = rest.findIndex(({ code }) => code === finding.code);
    return same === -1 ? finding : rest.splice(same, 1)[0]!;
  });
  const unchecked = rest.filter(({ code }) => code === "internal");
  const canonical = alone.entry === undefined || alone.entry === text ? {} : { canonical: alone.entry };
  reports.set(key, { text, findings: [...findings, ...unchecked], ...canonical });
}

// Splits a JSON Pointer (RFC 6901). All-digit segments become indexes, since only the form's lists matter.
function pointerSegments(pointer: string): (string | number)[] {
  return pointer.slice(1).split("/").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
