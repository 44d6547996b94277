import { Certificate } from "pkijs";
import { blocks, der, hexadecimal } from "./peers.mjs";

export async function describe(pem) {
  return Promise.all(
    blocks(pem).map(async (block) => {
      try {
        const bytes = der(block);
        const certificate = Certificate.fromBER(bytes);
        const constraints = certificate.extensions?.find(({ extnID }) => extnID === "2.5.29.19")?.parsedValue;
        return {
          subject: certificate.subject.typesAndValues.map(({ type, value }) => `${type}=${value.valueBlock.value}`).join(","),
          notAfter: certificate.notAfter.value.toISOString(),
          bits: certificate.subjectPublicKeyInfo.parsedKey?.modulus?.valueBlock.valueHexView.byteLength * 8,
          isCa: constraints?.cA ?? false,
          sha256: hexadecimal(await crypto.subtle.digest("SHA-256", bytes)),
        };
      } catch {
        return null;
      }
    }),
  );
}
