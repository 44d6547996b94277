// One certificate: subject, validity, fingerprint and findings.

import type { CertificateInfo, Finding } from "pullgate";
import { formatFingerprint } from "../../certificates/fingerprint";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { RemoveCertificateButton } from "./RemoveCertificateButton";
import { ValidityBar } from "./ValidityBar";

interface Props {
  certificate: CertificateInfo;
  onFix: (finding: Finding) => void;
  onRemove: () => void;
}

export function CertificateView({ certificate, onFix, onRemove }: Props) {
  const { subject, issuer, selfIssued, findings, sha256 } = certificate;
  const t = messages.certificates;
  return (
    <div className="certificate">
      <div className="certificate-header">
        <h3>
          <bdi>{subject || t.unnamed}</bdi>
        </h3>
        <RemoveCertificateButton subject={subject} onRemove={onRemove} />
      </div>
      <p className="muted">
        {t.issuer} <bdi>{selfIssued ? t.selfIssued : issuer || t.unnamed}</bdi>
      </p>
      <ValidityBar from={certificate.notBefore} to={certificate.notAfter} />
      <p className="fingerprint">
        <span className="muted">{t.fingerprint}</span> <code>{formatFingerprint(sha256)}</code>
      </p>
      <FindingList findings={findings} onFix={onFix} />
      <details className="certificate-details">
        <summary>{t.details}</summary>
        <dl>
          {detailsOf(certificate).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

function detailsOf({ key, signatureAlgorithm, serial, sha1, subjectAltNames }: CertificateInfo): [string, string][] {
  const t = messages.certificates;
  const size = key.curve ?? key.bits?.toString() ?? "";
  return [
    [t.key, `${key.algorithm} ${size}`.trim()],
    [t.signature, signatureAlgorithm],
    [t.serial, serial],
    [t.sha1, formatFingerprint(sha1)],
    ...(subjectAltNames.length > 0 ? [[t.names, subjectAltNames.join(", ")] satisfies [string, string]] : []),
  ];
}
