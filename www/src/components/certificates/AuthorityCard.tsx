// A certificate authority: its certificates (one, or the bundle of an opened document) and its limits.

import { checkCertificates, type Finding } from "pullgate";
import { useMemo } from "react";
import { announce } from "../../announce";
import { applyFixes } from "../../certificates/pem";
import { type Scope, withAuthority } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import type { AuthorityValues } from "../../form/values";
import { messages } from "../../messages";
import { FindingList, severityOf } from "../ui/FindingList";
import { CertificateView } from "./CertificateView";
import { LimitEditor } from "./LimitEditor";
import { RemoveCertificateButton } from "./RemoveCertificateButton";

interface Props {
  scope: Scope;
  authority: AuthorityValues;
  onRemove: (authority: AuthorityValues, line: number, last: boolean) => void;
}

export function AuthorityCard({ scope, authority, onRemove }: Props) {
  const { analysis, actions } = usePolicy();
  const { id, pem } = authority;
  const { certificates, findings } = useMemo(() => checkCertificates(pem), [pem]);
  const shown = [...certificates.flatMap((certificate) => certificate.findings), ...findings];
  const shownCodes = new Set(shown.map(({ code }) => code));
  // Findings about the policy as a whole: without effect, or the certificate of another card.
  const others = (analysis.authorities.get(id) ?? []).filter(({ code }) => !shownCodes.has(code));
  const [first] = certificates;
  const isUnchecked = findings.some((finding) => severityOf(finding) === "unchecked");
  const fix = (finding: Finding) => {
    actions.edit(
      (values) => withAuthority(values, scope, id, (authority) => ({ ...authority, pem: applyFixes(pem, [finding]) })),
      { label: messages.findings.fixed, isDestructive: true },
    );
    announce(messages.findings.fixed);
  };
  return (
    <li className="authority" data-authority={id}>
      {certificates.map((certificate) => (
        <CertificateView
          key={certificate.line}
          certificate={certificate}
          onFix={fix}
          onRemove={() => onRemove(authority, certificate.line, certificates.length === 1)}
        />
      ))}
      {first === undefined && (
        <div className="certificate-header">
          <h3>{isUnchecked ? messages.findings.unchecked : messages.certificates.unreadable}</h3>
          <RemoveCertificateButton subject="" onRemove={() => onRemove(authority, 0, true)} />
        </div>
      )}
      <FindingList findings={[...findings, ...others]} onFix={fix} />
      <LimitEditor scope={scope} authority={authority} subject={first?.subject ?? ""} />
    </li>
  );
}
