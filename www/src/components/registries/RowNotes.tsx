// Notes on a registry besides its findings.

import { Button } from "react-aria-components/Button";
import type { RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import type { RowHighlight } from "./highlight";

interface Props {
  row: RegistryValues;
  canonical: string | undefined;
  /** True if the fields of the details are shown. */
  hasDetails: boolean;
  highlight: RowHighlight["kind"] | undefined;
  onEnable: () => void;
}

export function RowNotes({ row, canonical, hasDetails, highlight, onEnable }: Props) {
  const t = messages.registries;
  const disabled = row.enabled === false;
  const comment = hasDetails ? undefined : row.comment;
  if (!highlight && !canonical && !disabled && !comment) return null;
  return (
    <div className="row-notes">
      {highlight && (
        <span className="chip" data-highlight={highlight}>
          {t[highlight]}
        </span>
      )}
      {canonical && (
        <span className="muted">
          {t.readAs} <code>{canonical}</code>
        </span>
      )}
      {comment && (
        <span className="muted">
          {t.comment}: <bdi>{comment}</bdi>
        </span>
      )}
      {disabled && (
        <span className="muted">
          {t.disabled}{" "}
          <Button className="button small" onPress={onEnable}>
            {t.enable}
          </Button>
        </span>
      )}
    </div>
  );
}
