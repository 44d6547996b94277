// What was not taken of the files that somebody gave, and why.

import type { Finding } from "pullgate";
import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Icon } from "../ui/Icon";

export interface RejectedFile {
  name: string;
  findings: Finding[];
  /** Whether there was a private key. */
  hasPrivateKey: boolean;
  /** How many certificates were there already. */
  duplicates: number;
  /** Whether it could not even be read. */
  isUnreadable: boolean;
}

export function RejectedFiles({ files, onDismiss }: { files: RejectedFile[]; onDismiss: () => void }) {
  if (files.length === 0) return null;
  const t = messages.certificates;
  return (
    <div className="notice" data-severity={files.some(({ findings, isUnreadable }) => isUnreadable || findings.length > 0) ? "error" : "warning"}>
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
