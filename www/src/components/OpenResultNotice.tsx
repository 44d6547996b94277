// What came of opening a policy.

import { Button } from "react-aria-components/Button";
import type { Opened } from "../formats/openPolicy";
import { texts } from "../messages";
import { Icon } from "./ui/Icon";

export function OpenedNotice({ opened, onDismiss }: { opened: Opened; onDismiss: () => void }) {
  const lines = opened.ok ? opened.notes : opened.problems;
  return (
    <div className="notice" data-weight={!opened.ok ? "error" : lines.length > 0 ? "warning" : "good"}>
      <div className="notice-text">
        <p>{opened.ok ? texts.open.done : texts.open.failed}</p>
        {lines.length > 0 && (
          <ul>
            {lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
      </div>
      <Button className="button icon-only quiet" aria-label={texts.open.dismiss} onPress={onDismiss}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
