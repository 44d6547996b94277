import forge from "node-forge";
import { blocks } from "./peers.mjs";

// node-forge parses RSA certificates only: others count as failed.
export async function describe(pem) {
  return blocks(pem).map((block) => {
    try {
      const certificate = forge.pki.certificateFromPem(block);
      const raw = forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes();
      return {
        subject: certificate.subject.attributes.map(({ shortName, value }) => `${shortName}=${value}`).join(","),
        notAfter: certificate.validity.notAfter.toISOString(),
        bits: certificate.publicKey.n.bitLength(),
        isCa: certificate.getExtension("basicConstraints")?.cA ?? false,
        sha256: forge.md.sha256.create().update(raw).digest().toHex(),
      };
    } catch {
      return null;
    }
  });
}
