// The registries that a certificate authority is limited to.

import { useController, useFieldArray } from "react-hook-form";
import { Switch } from "react-aria-components/Switch";
import { usePolicy } from "../form/usePolicyForm";
import { isBlank, type Limit } from "../form/values";
import { texts } from "../texts";
import { LimitRow } from "./LimitRow";

const BLANK: Limit = { entry: "" };

export function LimitEditor({ authority, subject }: { authority: number; subject: string }) {
  const { form, analysis, values } = usePolicy();
  const { control } = form;
  const name = `authorities.${authority}.registries` as const;
  const limited = useController({ control, name: `authorities.${authority}.limited` }).field;
  const { fields, insert, remove, update } = useFieldArray({ control, name });
  const rows = values.authorities[authority]?.registries ?? [];
  const say = texts.certificates;

  const focus = (row: number) =>
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-limit="${authority}/${row}"] input`)?.focus());
  const add = (after: number) => {
    insert(after + 1, BLANK, { shouldFocus: false });
    focus(after + 1);
  };
  const takeOut = (row: number) => {
    if (fields.length === 1) update(0, BLANK);
    else remove(row);
    focus(Math.max(0, row === fields.length - 1 ? row - 1 : row));
  };
  const limit = (on: boolean) => {
    limited.onChange(on);
    if (!on) return;
    if (fields.length === 0) insert(0, BLANK, { shouldFocus: false });
    focus(0);
  };
  const replace = (row: number, limit: Limit) => {
    update(row, limit);
    focus(row);
  };

  return (
    <div className="limits">
      <Switch className="switch small" isSelected={limited.value} onChange={limit}>
        <span className="switch-track" aria-hidden="true" />
        {say.limit}
      </Switch>
      {limited.value && (
        <ul className="rows">
          {fields.map(({ id }, row) => (
            <LimitRow
              key={id}
              place={`${authority}/${row}`}
              name={`${name}.${row}.entry`}
              label={say.limitLabel(row + 1, subject || say.unnamed)}
              row={rows[row] ?? BLANK}
              number={row + 1}
              report={analysis.limits.get(`${authority}/${row}`)}
              onAdd={() => add(row)}
              onRemove={() => takeOut(row)}
              onFix={(text) => replace(row, { ...rows[row]!, entry: text })}
              onEnable={() => {
                const { enabled: _, ...enabled } = rows[row]!;
                replace(row, enabled);
              }}
            />
          ))}
        </ul>
      )}
      {limited.value && rows.every(isBlank) && <p className="muted">{say.limitEmpty}</p>}
    </div>
  );
}
