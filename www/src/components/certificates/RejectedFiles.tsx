// Uploaded files that were rejected, completely or in part, with the reasons.

import type { Finding } from "pullgate";
import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Icon } from "../ui/Icon";

export interface RejectedFile {
  name: string;
  findings: Finding[];
  hasPrivateKey: boolean;
  /** The number of certificates already in the form. */
  duplicates: number;
  isUnreadable: boolean;
}

export function RejectedFiles({ files, onDismiss }: { files: RejectedFile[]; onDismiss: () => void }) {
  if (files.length === 0) return null;
  const t = messages.certificates;
  const hasError = files.some(({ findings, isUnreadable }) => isUnreadable || findings.length > 0);
  return (
    <div className="notice" data-severity={hasError ? "error" : "warning"}>
      <div className="notice-text">
        {files.map(({ name, findings, hasPrivateKey, duplicates, isUnreadable }, index) => (
          <div key={index}>
            {isUnreadable && <p>{t.unread(name)}</p>}
            {hasPrivateKey && <p>{t.keyRefused(name)}</p>}
            {!hasPrivateKey && findings.length > 0 && <p>{t.refused(name)}</p>}
            <FindingList findings={findings} />
            {duplicates > 0 && <p>{t.again(duplicates, name)}</p>}
          </div>
        ))}
      </div>
      <Button className="button icon-only quiet" aria-label={t.dismiss} onPress={onDismiss}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
