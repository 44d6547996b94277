// Extraction of certificates from PEM text (RFC 7468). Only certificates enter the form, so that a private key beside them
// goes no further.

import { checkCertificates, type Finding, type PolicyAuthority, type PolicyDocument } from "pullgate";

export interface ExtractedCertificates {
  /** The plain PEM of each certificate. */
  blocks: string[];
  /** The SHA-256 of each certificate. */
  fingerprints: string[];
  /** The findings about the rest of the text. */
  findings: Finding[];
}

const PRIVATE_KEY_CODES = ["private-key", "pkcs12"];

/** The maximum number of times that fixes are applied: each application leaves fewer. */
const MAX_FIX_ROUNDS = 8;

/**
 * Extracts the certificates from text or from the bytes of a file, in plain PEM: DER, base64, and PEM with damage that
 * leaves no doubt are taken as well.
 */
export function extractCertificates(input: Uint8Array | string): ExtractedCertificates {
  let report = checkCertificates(input);
  let text = typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  for (let round = 0; round < MAX_FIX_ROUNDS && report.findings.some(isFixable); round += 1) {
    text = applyFixes(text, report.findings.filter(isFixable));
    report = checkCertificates(text);
  }
  const { certificates, findings } = report;
  return {
    blocks: certificates.map(({ pem }) => pem),
    fingerprints: certificates.map(({ sha256 }) => sha256),
    findings,
  };
}

function isFixable({ fix, range }: Finding): boolean {
  return fix !== undefined && range !== undefined;
}

/** Applies fixes that do not overlap, in the order of the text. */
export function applyFixes(text: string, findings: readonly Finding[]): string {
  let fixed = "";
  let done = 0;
  for (const { fix, range } of findings) {
    if (range === undefined || range.startUtf16 < done) continue;
    fixed += text.slice(done, range.startUtf16) + fix;
    done = range.endUtf16;
  }
  return fixed + text.slice(done);
}

/** Returns whether a text contains a private key, or anything that looks like one. */
export function containsPrivateKey(text: string): boolean {
  return (
    /-----\s*BEGIN [A-Z0-9 ]*PRIVATE KEY/i.test(text) ||
    (text.includes("-----") && checkCertificates(text).findings.some(({ code }) => PRIVATE_KEY_CODES.includes(code)))
  );
}

/** Removes private keys from the authorities of a document. Returns the number of authorities that had one. */
export function withoutPrivateKeys(document: PolicyDocument): { document: PolicyDocument; removed: number } {
  let removed = 0;
  const clean = (authorities: readonly PolicyAuthority[]) =>
    authorities.flatMap((authority) => {
      if (!containsPrivateKey(authority.pem)) return [authority];
      removed += 1;
      const { blocks } = extractCertificates(authority.pem);
      return blocks.length === 0 ? [] : [{ ...authority, pem: blocks.join("") }];
    });
  const cleaned = <D extends PolicyDocument>(part: D): D =>
    part.certificate_authorities === undefined
      ? part
      : { ...part, certificate_authorities: clean(part.certificate_authorities) };
  const whole = cleaned(document);
  if (whole.projects !== undefined) {
    const projects = Object.entries(whole.projects).map(([name, project]) => [name, cleaned(project)] as const);
    whole.projects = Object.fromEntries(projects);
  }
  return { document: whole, removed };
}

/** Removes one certificate from a bundle, and nothing else. */
export function withoutCertificate(pem: string, line: number): string {
  const lines = pem.split("\n");
  const end = lines.findIndex((text, index) => index >= line - 1 && text.includes("-----END "));
  return [...lines.slice(0, line - 1), ...lines.slice(end + 1)].join("\n");
}
