// The certificates that a server sent. An authority among them can be added to the policy, for this registry alone.

import { checkCertificates } from "pullgate";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import type { PresentedCertificate } from "../../daemon/report";
import { withScope } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { blankRow, newId } from "../../form/values";
import { messages } from "../../messages";
import { Fingerprint } from "../ui/Fingerprint";
import { Icon } from "../ui/Icon";

const format = new Intl.DateTimeFormat(messages.locale, { dateStyle: "medium", timeZone: "UTC" });

export function PresentedChain({ chain, registry }: { chain: PresentedCertificate[]; registry: string }) {
  const { values, scope, actions } = usePolicy();
  if (chain.length === 0) return null;
  const t = messages.tryOut;
  const known = new Set([values, ...values.projects].flatMap(({ authorities }) => authorities.map(({ pem }) => pem.trim())));
  const add = (pem: string) => {
    const authority = { id: newId(), pem, limited: true, registries: [{ ...blankRow(), entry: registry }] };
    const label = messages.certificates.added(1);
    actions.edit(
      (values) => withScope(values, scope, ({ authorities }) => ({ authorities: [...authorities, authority] })),
      { label, isDestructive: true },
    );
    announce(label);
    requestAnimationFrame(() => {
      const card = document.querySelector<HTMLElement>(`[data-authority="${authority.id}"] .certificate-remove`);
      card?.focus();
      card?.scrollIntoView({ block: "center" });
    });
  };
  return (
    <div className="probe-chain">
      <p className="probe-detail">{t.chain}</p>
      <ol>
        {chain.map(({ subject, issuer, notAfter, sha256, pem }, index) => (
          <li key={index}>
            <p>
              <bdi>{subject || messages.certificates.unnamed}</bdi>, {t.issuedBy}{" "}
              <bdi>{issuer || messages.certificates.unnamed}</bdi>, {t.until} {dateOf(notAfter)}
            </p>
            <p>
              <Fingerprint sha256={sha256} />
            </p>
            {pem !== undefined && !known.has(pem.trim()) && isAuthority(pem) && (
              <p className="add-authority">
                <Button className="button small" onPress={() => add(pem)}>
                  <Icon name="plus" />
                  {t.addAuthority(registry)}
                </Button>
                <span className="muted">{t.compareFirst}</span>
              </p>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Returns whether a certificate can vouch for others: a registry's own one cannot. */
function isAuthority(pem: string): boolean {
  return checkCertificates(pem).certificates[0]?.isCa === true;
}

// Formats a time as a date, or returns the text if JavaScript cannot parse it.
function dateOf(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : format.format(time);
}
