// What there is to know of a registry besides findings.

import { Button } from "react-aria-components/Button";
import type { Row } from "../../form/values";
import { texts } from "../../messages";

interface Props {
  row: Row;
  means: string | undefined;
  lit: "decides" | "nearest" | undefined;
  onEnable: () => void;
}

export function RowNotes({ row, means, lit, onEnable }: Props) {
  const say = texts.registries;
  const disabled = row.enabled === false;
  if (!lit && !means && !disabled && !row.comment) return null;
  return (
    <div className="row-notes">
      {lit && (
        <span className="chip" data-lit={lit}>
          {say[lit]}
        </span>
      )}
      {means && (
        <span className="muted">
          {say.means} <code>{means}</code>
        </span>
      )}
      {row.comment && (
        <span className="muted">
          {say.comment}: <bdi>{row.comment}</bdi>
        </span>
      )}
      {disabled && (
        <span className="muted">
          {say.disabled}{" "}
          <Button className="button small" onPress={onEnable}>
            {say.enable}
          </Button>
        </span>
      )}
    </div>
  );
}
