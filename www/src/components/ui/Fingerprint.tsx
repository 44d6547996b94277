import { formatFingerprint } from "../../certificates/fingerprint";
import { messages } from "../../messages";

/** The SHA-256 of a certificate, in the form of all fingerprints of the page. */
export function Fingerprint({ sha256 }: { sha256: string }) {
  return (
    <span className="fingerprint">
      <span className="muted">{messages.certificates.fingerprint}</span> <code>{formatFingerprint(sha256)}</code>
    </span>
  );
}
