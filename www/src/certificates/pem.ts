// Extraction of certificates from PEM text (RFC 7468). Only certificates enter the form, so that a private key beside them
// goes no further.

import { checkCertificates, type Finding, type PolicyAuthority, type PolicyDocument } from "pullgate";

export interface ExtractedCertificates {
  /** The PEM block of each certificate. */
  blocks: string[];
  /** The SHA-256 of each certificate. */
  fingerprints: string[];
  /** The findings about the rest of the text. */
  findings: Finding[];
}

const PRIVATE_KEY_CODES = ["private-key", "pkcs12"];

/** Extracts the certificates from text or from the bytes of a file. */
export function extractCertificates(input: Uint8Array | string): ExtractedCertificates {
  const { certificates, findings } = checkCertificates(input);
  const lines = (typeof input === "string" ? input : new TextDecoder().decode(input)).split("\n");
  return {
    blocks: certificates.map(({ line }) => blockAt(lines, line)),
    fingerprints: certificates.map(({ sha256 }) => sha256),
    findings,
  };
}

/** Returns the PEM block with its BEGIN boundary on a line, counted from 1. */
export function blockAt(lines: readonly string[], line: number): string {
  const end = lines.findIndex((text, index) => index >= line - 1 && text.includes("-----END "));
  const block = lines.slice(line - 1, end + 1).map((text) => text.trim());
  return `${block.join("\n").replace(/^.*?(?=-----BEGIN )/, "")}\n`;
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
  const clean = (authorities: PolicyAuthority[]) =>
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
