// The changes of the form: *Undo* and *Redo*, what the last change was, and the way to apply them.

import { Button } from "react-aria-components/Button";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

interface Props {
  /** A sentence about changes that are not in effect or not saved; absent without any. */
  unsaved: string | undefined;
  /** True if the daemon decides by what the form has. */
  isInEffect: boolean;
  /** Opens the review; absent without a daemon. */
  onReview: (() => void) | undefined;
}

export function ChangesBar({ unsaved, isInEffect, onReview }: Props) {
  const { undoable, redoable, actions } = usePolicy();
  const t = messages.history;
  if (undoable === undefined && redoable === undefined && unsaved === undefined) return null;
  return (
    <div className="changes" role="region" aria-label={t.title}>
      <p className="changes-text">
        {undoable?.isDestructive && <strong>{undoable.label}. </strong>}
        <span className="muted">{unsaved ?? (isInEffect ? t.inEffect : t.saved)}</span>
      </p>
      <div className="changes-buttons">
        <Button
          className="button"
          isDisabled={undoable === undefined}
          aria-label={undoable ? t.undo(undoable.label) : t.undoNothing}
          onPress={actions.undo}
        >
          <Icon name="undo" />
          {t.undoButton}
        </Button>
        <Button
          className="button icon-only"
          isDisabled={redoable === undefined}
          aria-label={redoable ? t.redo(redoable.label) : t.redoNothing}
          onPress={actions.redo}
        >
          <Icon name="redo" />
        </Button>
        {onReview && (
          <Button className="button primary" isDisabled={unsaved === undefined} onPress={onReview}>
            {messages.apply.review}
          </Button>
        )}
      </div>
    </div>
  );
}
