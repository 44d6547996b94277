// Button that removes a certificate.

import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

export function RemoveCertificateButton({ subject, onRemove }: { subject: string; onRemove: () => void }) {
  const t = messages.certificates;
  return (
    <Button
      className="button icon-only quiet certificate-remove"
      aria-label={t.remove(subject || t.unnamed)}
      onPress={onRemove}
    >
      <Icon name="close" />
    </Button>
  );
}
