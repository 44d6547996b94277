// Certificate authorities: adding them, and a card for each.

import { memo, useState } from "react";
import { useFieldArray } from "react-hook-form";
import { announce } from "../../announce";
import { takeCertificates, withoutCertificate } from "../../certificates/pem";
import { usePolicy } from "../../form/usePolicyForm";
import type { Authority } from "../../form/values";
import { texts } from "../../messages";
import { AddCertificates, type Given } from "./CertificateUpload";
import { AuthorityCard } from "./AuthorityCard";
import { type Refusal, Refusals } from "./RejectedFiles";
import { Section } from "../ui/Section";

export const Certificates = memo(function Certificates() {
  const { form, values } = usePolicy();
  const { fields, append, remove, update } = useFieldArray({ control: form.control, name: "authorities" });
  const [refusals, setRefusals] = useState<Refusal[]>([]);
  const say = texts.certificates;

  const take = (all: Given[]) => {
    const known = new Set(form.getValues("authorities").flatMap(({ pem }) => takeCertificates(pem).fingerprints));
    const authorities: Authority[] = [];
    const refused = all.flatMap(({ name, content }): Refusal[] => {
      if (content === undefined) return [{ name, findings: [], key: false, again: 0, unread: true }];
      const { blocks, fingerprints, findings } = takeCertificates(content);
      const fresh = blocks.filter((_, index) => !known.has(fingerprints[index]!) && known.add(fingerprints[index]!));
      authorities.push(...fresh.map((pem) => ({ pem, limited: false, registries: [] })));
      const errors = findings.filter(({ severity }) => severity === "error");
      const again = blocks.length - fresh.length;
      const key = errors.some(({ code }) => code === "private-key");
      return errors.length + again > 0 ? [{ name, findings: errors, key, again, unread: false }] : [];
    });
    if (authorities.length > 0) append(authorities, { shouldFocus: false });
    setRefusals(refused);
    const problems = refused.map(({ name, findings, key, again, unread }) =>
      unread ? say.unread(name) : key ? say.keyRefused(name) : (findings[0]?.message ?? say.again(again, name)),
    );
    announce([authorities.length > 0 ? say.added(authorities.length) : say.none, ...problems].join(". "));
  };

  const dismiss = () => {
    setRefusals([]);
    focusCertificate(-1);
  };

  const removeCertificate = (index: number, line: number, last: boolean) => {
    const authority = form.getValues(`authorities.${index}`);
    if (last) remove(index);
    else update(index, { ...authority, pem: withoutCertificate(authority.pem, line) });
    announce(say.removed);
    requestAnimationFrame(() => focusCertificate(Math.min(index, form.getValues("authorities").length - 1)));
  };

  return (
    <Section title={say.title} intro={say.intro} className="certificates">
      <AddCertificates onGiven={take} />
      <Refusals refusals={refusals} onDismiss={dismiss} />
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

// Where the removed card was there is another one, or else the button that adds one.
function focusCertificate(index: number): void {
  const next = `[data-authority="${index}"] .certificate-remove`;
  document.querySelector<HTMLElement>(`.certificates ${index < 0 ? ".choose-files" : next}`)?.focus();
}
