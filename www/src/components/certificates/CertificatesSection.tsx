// Upload of certificate authorities, and a card for each.

import { memo, useState } from "react";
import { useFieldArray } from "react-hook-form";
import { announce } from "../../announce";
import { extractCertificates, withoutCertificate } from "../../certificates/pem";
import { usePolicy } from "../../form/usePolicyForm";
import type { AuthorityValues } from "../../form/values";
import { messages } from "../../messages";
import { Section } from "../ui/Section";
import { AuthorityCard } from "./AuthorityCard";
import { CertificateUpload, type UploadedFile } from "./CertificateUpload";
import { type RejectedFile, RejectedFiles } from "./RejectedFiles";

export const CertificatesSection = memo(function CertificatesSection() {
  const { form, values } = usePolicy();
  const { fields, append, remove, update } = useFieldArray({ control: form.control, name: "authorities" });
  const [rejectedFiles, setRejectedFiles] = useState<RejectedFile[]>([]);
  const t = messages.certificates;

  const upload = (files: UploadedFile[]) => {
    const known = new Set(form.getValues("authorities").flatMap(({ pem }) => extractCertificates(pem).fingerprints));
    const authorities: AuthorityValues[] = [];
    const rejected = files.flatMap(({ name, content }): RejectedFile[] => {
      if (content === undefined) return [{ name, findings: [], hasPrivateKey: false, duplicates: 0, isUnreadable: true }];
      const { blocks, fingerprints, findings } = extractCertificates(content);
      const fresh = blocks.filter((_, index) => !known.has(fingerprints[index]!) && known.add(fingerprints[index]!));
      authorities.push(...fresh.map((pem) => ({ pem, limited: false, registries: [] })));
      const errors = findings.filter(({ severity }) => severity === "error");
      const duplicates = blocks.length - fresh.length;
      const hasPrivateKey = errors.some(({ code }) => code === "private-key");
      return errors.length + duplicates > 0 ? [{ name, findings: errors, hasPrivateKey, duplicates, isUnreadable: false }] : [];
    });
    if (authorities.length > 0) append(authorities, { shouldFocus: false });
    setRejectedFiles(rejected);
    const problems = rejected.map(({ name, findings, hasPrivateKey, duplicates, isUnreadable }) =>
      isUnreadable
        ? t.unread(name)
        : hasPrivateKey
          ? t.keyRefused(name)
          : (findings[0]?.message ?? t.again(duplicates, name)),
    );
    announce([authorities.length > 0 ? t.added(authorities.length) : t.none, ...problems].join(". "));
  };

  const dismiss = () => {
    setRejectedFiles([]);
    focusCertificate(-1);
  };

  const removeCertificate = (index: number, line: number, last: boolean) => {
    const authority = form.getValues(`authorities.${index}`);
    if (last) remove(index);
    else update(index, { ...authority, pem: withoutCertificate(authority.pem, line) });
    announce(t.removed);
    requestAnimationFrame(() => focusCertificate(Math.min(index, form.getValues("authorities").length - 1)));
  };

  return (
    <Section title={t.title} intro={t.intro} className="certificates">
      <CertificateUpload onUpload={upload} />
      <RejectedFiles files={rejectedFiles} onDismiss={dismiss} />
      {fields.length > 0 && (
        <ul className="authorities">
          {fields.map(({ id }, index) => {
            const authority = values.authorities[index];
            if (authority === undefined) return null;
            return <AuthorityCard key={id} index={index} pem={authority.pem} onRemove={removeCertificate} />;
          })}
        </ul>
      )}
    </Section>
  );
});

// Focuses the card in place of the removed one, or else the upload button.
function focusCertificate(index: number): void {
  const next = `[data-authority="${index}"] .certificate-remove`;
  document.querySelector<HTMLElement>(`.certificates ${index < 0 ? ".choose-files" : next}`)?.focus();
}
