// What was not taken of the files that somebody gave, and why.

import type { Finding } from "pullgate";
import { Button } from "react-aria-components/Button";
import { texts } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Icon } from "../ui/Icon";

export interface Refusal {
  name: string;
  findings: Finding[];
  /** Whether there was a private key. */
  key: boolean;
  /** How many certificates were there already. */
  again: number;
  /** Whether it could not even be read. */
  unread: boolean;
}

export function Refusals({ refusals, onDismiss }: { refusals: Refusal[]; onDismiss: () => void }) {
  if (refusals.length === 0) return null;
  const say = texts.certificates;
  return (
    <div className="notice" data-weight={refusals.some(({ findings, unread }) => unread || findings.length > 0) ? "error" : "warning"}>
      <div className="notice-text">
        {refusals.map(({ name, findings, key, again, unread }, index) => (
          <div key={index}>
            {unread && <p>{say.unread(name)}</p>}
            {key && <p>{say.keyRefused(name)}</p>}
            {!key && findings.length > 0 && <p>{say.refused(name)}</p>}
            <FindingList findings={findings} />
            {again > 0 && <p>{say.again(again, name)}</p>}
          </div>
        ))}
      </div>
      <Button className="button icon-only quiet" aria-label={say.dismiss} onPress={onDismiss}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
