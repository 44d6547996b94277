// Fingerprints in the one form that the page shows, and the names of the certificates behind them.

import { checkCertificates } from "pullgate";
import type { FormValues } from "../form/values";

/** Formats a fingerprint as `openssl x509 -fingerprint` does. */
export function formatFingerprint(hex: string): string {
  return (hex.toUpperCase().match(/../g) ?? []).join(":");
}

/** Returns the subjects of all certificate authorities of the form, by their SHA-256 in lower-case hexadecimal. */
export function subjectsByFingerprint(values: FormValues): Map<string, string> {
  const authorities = [values, ...values.projects].flatMap((scope) => scope.authorities);
  return new Map(
    authorities.flatMap(({ pem }) =>
      checkCertificates(pem).certificates.map(({ sha256, subject }) => [sha256, subject] as const),
    ),
  );
}
