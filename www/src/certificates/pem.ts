// Text with certificates in it, cut into certificates. Nothing else of such a text gets into the form, so that a private key
// that came with it goes no further.

import { checkCertificates, type Finding, type PolicyAuthority, type PolicyDocument } from "pullgate";

export interface ExtractedCertificates {
  /** Each certificate's block. */
  blocks: string[];
  /** Their SHA-256. */
  fingerprints: string[];
  /** What is wrong with the rest. */
  findings: Finding[];
}

const PRIVATE_KEY_CODES = ["private-key", "pkcs12"];

/** Takes the certificates out of a file's bytes, or of a text. */
export function extractCertificates(input: Uint8Array | string): ExtractedCertificates {
  const { certificates, findings } = checkCertificates(input);
  const lines = (typeof input === "string" ? input : new TextDecoder().decode(input)).split("\n");
  return {
    blocks: certificates.map(({ line }) => blockAt(lines, line)),
    fingerprints: certificates.map(({ sha256 }) => sha256),
    findings,
  };
}

/** The block that begins on a line, counted from 1. */
export function blockAt(lines: readonly string[], line: number): string {
  const end = lines.findIndex((text, index) => index >= line - 1 && text.includes("-----END "));
  const block = lines.slice(line - 1, end + 1).map((text) => text.trim());
  return `${block.join("\n").replace(/^.*?(?=-----BEGIN )/, "")}\n`;
}

/** Whether there is a private key in a text, or what looks like one. */
export function containsPrivateKey(text: string): boolean {
  return (
    /-----\s*BEGIN [A-Z0-9 ]*PRIVATE KEY/i.test(text) ||
    (text.includes("-----") && checkCertificates(text).findings.some(({ code }) => PRIVATE_KEY_CODES.includes(code)))
  );
}

/** The document without private keys, and how many authorities had one. */
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

/** A bundle without one of its certificates; everything else in it stays. */
export function withoutCertificate(pem: string, line: number): string {
  const lines = pem.split("\n");
  const end = lines.findIndex((text, index) => index >= line - 1 && text.includes("-----END "));
  return [...lines.slice(0, line - 1), ...lines.slice(end + 1)].join("\n");
}
