import "reflect-metadata";
import { BasicConstraintsExtension, X509Certificate } from "@peculiar/x509";
import { blocks, hexadecimal } from "./peers.mjs";

export async function describe(pem) {
  return Promise.all(
    blocks(pem).map(async (block) => {
      try {
        const certificate = new X509Certificate(block);
        return {
          subject: certificate.subject,
          notAfter: certificate.notAfter.toISOString(),
          bits: certificate.publicKey.algorithm.modulusLength,
          isCa: certificate.getExtension(BasicConstraintsExtension)?.ca ?? false,
          sha256: hexadecimal(await certificate.getThumbprint("SHA-256")),
        };
      } catch {
        return null;
      }
    }),
  );
}
