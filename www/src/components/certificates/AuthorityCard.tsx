// A certificate authority: its certificates (one, or the bundle of an opened document) and its limits.

import { checkCertificates, type Finding } from "pullgate";
import { useMemo } from "react";
import { announce } from "../../announce";
import { applyFixes } from "../../certificates/pem";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { FindingList, severityOf } from "../ui/FindingList";
import { CertificateView } from "./CertificateView";
import { LimitEditor } from "./LimitEditor";
import { RemoveCertificateButton } from "./RemoveCertificateButton";

interface Props {
  index: number;
  pem: string;
  onRemove: (index: number, line: number, last: boolean) => void;
}

export function AuthorityCard({ index, pem, onRemove }: Props) {
  const { analysis, form } = usePolicy();
  const { certificates, findings } = useMemo(() => checkCertificates(pem), [pem]);
  const shown = [...certificates.flatMap((certificate) => certificate.findings), ...findings];
  const shownCodes = new Set(shown.map(({ code }) => code));
  // Findings about the policy as a whole: without effect, or the certificate of another card.
  const others = (analysis.authorities.get(index) ?? []).filter(({ code }) => !shownCodes.has(code));
  const [first] = certificates;
  const isUnchecked = findings.some((finding) => severityOf(finding) === "unchecked");
  const fix = (finding: Finding) => {
    form.setValue(`authorities.${index}.pem`, applyFixes(pem, [finding]), { shouldDirty: true });
    announce(messages.findings.fixed);
  };
  return (
    <li className="authority" data-authority={index}>
      {certificates.map((certificate) => (
        <CertificateView
          key={certificate.line}
          certificate={certificate}
          onFix={fix}
          onRemove={() => onRemove(index, certificate.line, certificates.length === 1)}
        />
      ))}
      {first === undefined && (
        <div className="certificate-header">
          <h3>{isUnchecked ? messages.findings.unchecked : messages.certificates.unreadable}</h3>
          <RemoveCertificateButton subject="" onRemove={() => onRemove(index, 0, true)} />
        </div>
      )}
      <FindingList findings={[...findings, ...others]} onFix={fix} />
      <LimitEditor authority={index} subject={first?.subject ?? ""} />
    </li>
  );
}
