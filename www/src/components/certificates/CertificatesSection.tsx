// Upload of certificate authorities, and a card for each.

import { memo, useState } from "react";
import { announce } from "../../announce";
import { extractCertificates, withoutCertificate } from "../../certificates/pem";
import { scopeOf, withAuthority, withScope } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { type AuthorityValues, newId } from "../../form/values";
import { messages } from "../../messages";
import { Section } from "../ui/Section";
import { AuthorityCard } from "./AuthorityCard";
import { CertificateUpload, type UploadedFile } from "./CertificateUpload";
import { type RejectedFile, RejectedFiles } from "./RejectedFiles";

export const CertificatesSection = memo(function CertificatesSection() {
  const { values, scope, actions, getValues } = usePolicy();
  const [rejectedFiles, setRejectedFiles] = useState<RejectedFile[]>([]);
  const t = messages.certificates;
  const { authorities } = scopeOf(values, scope);

  const upload = (files: UploadedFile[]) => {
    const present = scopeOf(getValues(), scope).authorities;
    const known = new Set(present.flatMap(({ pem }) => extractCertificates(pem).fingerprints));
    const added: AuthorityValues[] = [];
    const rejected = files.flatMap(({ name, content }): RejectedFile[] => {
      if (content === undefined) return [{ name, findings: [], hasPrivateKey: false, duplicates: 0, isUnreadable: true }];
      const { blocks, fingerprints, findings } = extractCertificates(content);
      const fresh = blocks.filter((_, index) => !known.has(fingerprints[index]!) && known.add(fingerprints[index]!));
      added.push(...fresh.map((pem) => ({ id: newId(), pem, limited: false, registries: [] })));
      const errors = findings.filter(({ severity }) => severity === "error");
      const duplicates = blocks.length - fresh.length;
      const hasPrivateKey = errors.some(({ code }) => code === "private-key");
      return errors.length + duplicates > 0 ? [{ name, findings: errors, hasPrivateKey, duplicates, isUnreadable: false }] : [];
    });
    if (added.length > 0) {
      actions.edit(
        (values) => withScope(values, scope, ({ authorities }) => ({ authorities: [...authorities, ...added] })),
        { label: t.added(added.length) },
      );
    }
    setRejectedFiles(rejected);
    const problems = rejected.map(({ name, findings, hasPrivateKey, duplicates, isUnreadable }) =>
      isUnreadable
        ? t.unread(name)
        : hasPrivateKey
          ? t.keyRefused(name)
          : (findings[0]?.message ?? t.again(duplicates, name)),
    );
    announce([added.length > 0 ? t.added(added.length) : t.none, ...problems].join(". "));
  };

  const dismiss = () => {
    setRejectedFiles([]);
    focusCertificate(undefined);
  };

  const removeCertificate = ({ id }: AuthorityValues, line: number, last: boolean) => {
    const index = scopeOf(getValues(), scope).authorities.findIndex((authority) => authority.id === id);
    actions.edit(
      (values) =>
        last
          ? withScope(values, scope, ({ authorities }) => ({
              authorities: authorities.filter((authority) => authority.id !== id),
            }))
          : withAuthority(values, scope, id, (authority) => ({
              ...authority,
              pem: withoutCertificate(authority.pem, line),
            })),
      { label: t.removed, isDestructive: true },
    );
    announce(t.removed);
    requestAnimationFrame(() => {
      const { authorities } = scopeOf(getValues(), scope);
      focusCertificate(authorities[Math.min(index, authorities.length - 1)]?.id);
    });
  };

  return (
    <Section title={t.title} intro={t.intro} className="certificates">
      <CertificateUpload onUpload={upload} />
      <RejectedFiles files={rejectedFiles} onDismiss={dismiss} />
      {authorities.length > 0 && (
        <ul className="authorities">
          {authorities.map((authority) => (
            <AuthorityCard key={authority.id} scope={scope} authority={authority} onRemove={removeCertificate} />
          ))}
        </ul>
      )}
    </Section>
  );
});

// Focuses the card in place of the removed one, or else the upload button.
function focusCertificate(id: number | undefined): void {
  const next = `[data-authority="${id}"] .certificate-remove`;
  document.querySelector<HTMLElement>(`.certificates ${id === undefined ? ".choose-files" : next}`)?.focus();
}
