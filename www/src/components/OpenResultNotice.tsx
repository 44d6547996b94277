// Result of opening a policy.

import { Button } from "react-aria-components/Button";
import type { OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { FormattedMessage } from "./ui/FormattedMessage";
import { Icon } from "./ui/Icon";

export function OpenResultNotice({ opened, onDismiss }: { opened: OpenResult; onDismiss: () => void }) {
  const lines = opened.ok ? opened.notes : opened.problems;
  return (
    <div className="notice" data-severity={!opened.ok ? "error" : lines.length > 0 ? "warning" : "good"}>
      <div className="notice-text">
        <p>{opened.ok ? messages.open.done : messages.open.failed}</p>
        {lines.length > 0 && (
          <ul>
            {lines.map((line) => (
              <li key={line}>
                <FormattedMessage text={line} isAboutFile />
              </li>
            ))}
          </ul>
        )}
      </div>
      <Button className="button icon-only quiet" aria-label={messages.open.dismiss} onPress={onDismiss}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
