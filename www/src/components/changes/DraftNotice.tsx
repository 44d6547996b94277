// Notice that the form begins with the draft of an earlier visit.

import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

const format = new Intl.DateTimeFormat(messages.locale, { dateStyle: "medium", timeStyle: "short" });

interface Props {
  time: number;
  onDiscard: () => void;
  onDismiss: () => void;
}

export function DraftNotice({ time, onDiscard, onDismiss }: Props) {
  const t = messages.draft;
  return (
    <div className="notice" data-severity="info">
      <p className="notice-text">{t.restored(format.format(time))}</p>
      <div className="notice-buttons">
        <Button className="button small" onPress={onDiscard}>
          {t.discard}
        </Button>
        <Button className="button icon-only quiet" aria-label={messages.open.dismiss} onPress={onDismiss}>
          <Icon name="close" />
        </Button>
      </div>
    </div>
  );
}
