// The button that removes a certificate.

import { Button } from "react-aria-components/Button";
import { texts } from "../../messages";
import { Icon } from "../ui/Icon";

export function RemoveCertificate({ subject, onRemove }: { subject: string; onRemove: () => void }) {
  const say = texts.certificates;
  return (
    <Button
      className="button icon-only quiet certificate-remove"
      aria-label={say.remove(subject || say.unnamed)}
      onPress={onRemove}
    >
      <Icon name="close" />
    </Button>
  );
}
