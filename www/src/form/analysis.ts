// Everything that the module says of the form as it stands, sorted by where the form shows it.

import { checkEntry, checkPolicy, type EntryList, type Finding, type PolicyDocument } from "pullgate";
import { documentOf, type RowIndexes, textOf } from "./document";
import { fieldOf } from "./schema";
import type { FormValues } from "./values";

/** What is said of one field. Ranges are in `text`; a finding that only the whole policy gives has none. */
export interface FieldReport {
  text: string;
  findings: Finding[];
  /** The canonical form, where it is not what was typed. */
  canonical?: string;
}

export interface PolicyAnalysis {
  document: PolicyDocument;
  /** The document as JSON, as it was checked. */
  text: string;
  /** The document in canonical form; absent when there is an error. */
  canonical: PolicyDocument | undefined;
  rowIndexes: RowIndexes;
  rows: Map<number, FieldReport>;
  /** Of the registries that authorities are limited to, by `authority/row`. */
  limits: Map<string, FieldReport>;
  authorities: Map<number, Finding[]>;
  /** Of a list as a whole. */
  lists: Finding[];
  /** Of what the form does not show. */
  preserved: Finding[];
  errors: number;
  warnings: number;
  /** Whether the module failed, so that nothing is known. */
  unchecked: boolean;
}

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
    unchecked: findings.some(({ code }) => code === "internal"),
  };
  for (const finding of findings) fileFinding(finding, analysis, values);
  for (const list of ["whitelist", "insecure"] as const) {
    // With whitelist mode off, the rows of the whitelist are hidden, and nothing is said of them.
    if (document[list] === undefined) continue;
    for (const index of rowIndexes[list]) addEntryReport(analysis.rows, index, textOf(values.rows[index]!), list);
  }
  for (const [authority, rows] of rowIndexes.registries.entries()) {
    if (!values.authorities[authority]?.limited) continue;
    for (const row of rows) {
      // What a limit may say is what an insecure entry may: a host and a port, with any scheme.
      addEntryReport(analysis.limits, `${authority}/${row}`, values.authorities[authority].registries[row]!.entry, "insecure");
    }
  }
  return analysis;
}

function fileFinding(finding: Finding, analysis: PolicyAnalysis, values: FormValues): void {
  if (finding.path === undefined) return;
  const [field, index, inside, row] = fieldOf(pointerSegments(finding.path), analysis.rowIndexes);
  // The range is in the JSON text, which nobody sees.
  const { range: _, fix: __, ...shown } = finding;
  if (field === "rows") {
    appendFinding(analysis.rows, index as number, textOf(values.rows[index as number]!), shown);
  } else if (field === "authorities" && inside === "registries") {
    appendFinding(analysis.limits, `${index}/${row}`, values.authorities[index as number]!.registries[row as number]!.entry, shown);
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

/** Gives what the policy says of an entry the ranges and fixes that the check of the entry alone has. */
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

// A JSON Pointer: what is all digits is an index here, since the form's lists are all that matters.
function pointerSegments(pointer: string): (string | number)[] {
  return pointer.slice(1).split("/").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
