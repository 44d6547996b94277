// One registry that a certificate authority is limited to.

import type { Finding } from "pullgate";
import { useId } from "react";
import { Button } from "react-aria-components/Button";
import type { FieldReport } from "../../form/analysis";
import type { LimitValues } from "../../form/values";
import { messages } from "../../messages";
import { canonicalHint, textMarks } from "../registries/RegistryRow";
import { RowNotes } from "../registries/RowNotes";
import { EntryInput } from "../ui/EntryInput";
import { FindingList, severityOf } from "../ui/FindingList";
import { Icon } from "../ui/Icon";

interface Props {
  place: string;
  name: `authorities.${number}.registries.${number}.entry`;
  label: string;
  row: LimitValues;
  number: number;
  report: FieldReport | undefined;
  onAdd: () => void;
  onRemove: () => void;
  onLines: (lines: string[]) => void;
  onFix: (finding: Finding, text: string) => void;
  onEnable: () => void;
}

export function LimitRow({ place, name, label, row, number, report, onAdd, onRemove, onLines, onFix, onEnable }: Props) {
  const id = useId();
  const fresh = report?.text === row.entry ? report : undefined;
  const findings = report?.findings ?? [];
  const t = messages.certificates;
  return (
    <li className="row" data-limit={place}>
      <div className="row-fields" data-mode="limit">
        <EntryInput
          name={name}
          label={label}
          example={t.limitExample}
          marks={fresh ? textMarks(fresh) : []}
          isInvalid={findings.some((finding) => severityOf(finding) === "error")}
          describedBy={findings.length > 0 ? id : undefined}
          onEnter={onAdd}
          onLines={onLines}
        />
        <div className="row-buttons">
          <Button className="button icon-only" aria-label={t.removeLimit(number)} onPress={onRemove}>
            <Icon name="minus" />
          </Button>
          <Button className="button icon-only" aria-label={t.addLimit(number)} onPress={onAdd}>
            <Icon name="plus" />
          </Button>
        </div>
      </div>
      <FindingList
        id={id}
        findings={findings}
        {...(fresh && { onFix: (finding) => onFix(finding, fresh.text) })}
      />
      <RowNotes
        row={{ ...row, port: "", insecure: false }}
        canonical={fresh && canonicalHint(fresh)}
        highlight={undefined}
        onEnable={onEnable}
      />
    </li>
  );
}
