// One registry that a certificate authority is limited to.

import type { Finding } from "pullgate";
import { useId } from "react";
import { Button } from "react-aria-components/Button";
import type { FieldReport } from "../../form/analysis";
import type { Limit } from "../../form/values";
import { texts } from "../../messages";
import { EntryInput } from "../ui/EntryInput";
import { FindingList, weightOf } from "../ui/FindingList";
import { Icon } from "../ui/Icon";
import { marksOf, newsOf } from "../registries/RegistryRow";
import { RowNotes } from "../registries/RowNotes";

interface Props {
  place: string;
  name: `authorities.${number}.registries.${number}.entry`;
  label: string;
  row: Limit;
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
  const say = texts.certificates;
  return (
    <li className="row" data-limit={place}>
      <div className="row-fields" data-mode="limit">
        <EntryInput
          name={name}
          label={label}
          example={say.limitExample}
          marks={fresh ? marksOf(fresh) : []}
          isInvalid={findings.some((finding) => weightOf(finding) === "error")}
          describedBy={findings.length > 0 ? id : undefined}
          onEnter={onAdd}
          onLines={onLines}
        />
        <div className="row-buttons">
          <Button className="button icon-only" aria-label={say.removeLimit(number)} onPress={onRemove}>
            <Icon name="minus" />
          </Button>
          <Button className="button icon-only" aria-label={say.addLimit(number)} onPress={onAdd}>
            <Icon name="plus" />
          </Button>
        </div>
      </div>
      <FindingList
        id={id}
        findings={findings}
        {...(fresh && { onFix: (finding) => onFix(finding, fresh.text) })}
      />
      <RowNotes row={{ ...row, port: "", insecure: false }} means={fresh && newsOf(fresh)} lit={undefined} onEnable={onEnable} />
    </li>
  );
}
