// Registries that a certificate authority is limited to.

import { applyFix, type Finding } from "pullgate";
import { useController, useFieldArray } from "react-hook-form";
import { Switch } from "react-aria-components/Switch";
import { announce } from "../../announce";
import { usePolicy } from "../../form/usePolicyForm";
import { isBlank, type LimitValues } from "../../form/values";
import { messages } from "../../messages";
import { LimitRow } from "./LimitRow";

const BLANK_LIMIT: LimitValues = { entry: "" };

export function LimitEditor({ authority, subject }: { authority: number; subject: string }) {
  const { form, analysis, values } = usePolicy();
  const { control } = form;
  const name = `authorities.${authority}.registries` as const;
  const limited = useController({ control, name: `authorities.${authority}.limited` }).field;
  const { fields, insert, remove, update } = useFieldArray({ control, name });
  const rows = values.authorities[authority]?.registries ?? [];
  const t = messages.certificates;

  const focus = (row: number) =>
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-limit="${authority}/${row}"] input`)?.focus());
  const add = (after: number) => {
    insert(after + 1, BLANK_LIMIT, { shouldFocus: false });
    focus(after + 1);
  };
  const removeRow = (row: number) => {
    if (fields.length === 1) update(0, BLANK_LIMIT);
    else remove(row);
    focus(Math.max(0, row === fields.length - 1 ? row - 1 : row));
  };
  const setLimited = (on: boolean) => {
    limited.onChange(on);
    if (!on) return;
    if (fields.length === 0) insert(0, BLANK_LIMIT, { shouldFocus: false });
    focus(0);
  };
  // Cards are rendered deferred: the fields may be newer than `rows`.
  const current = (row: number) => form.getValues(name)[row] ?? BLANK_LIMIT;
  const replace = (row: number, limit: LimitValues, others: string[] = []) => {
    update(row, limit);
    if (others.length > 0) insert(row + 1, others.map((entry) => ({ entry })), { shouldFocus: false });
    focus(row + others.length);
  };
  const paste = (row: number, lines: string[]) => {
    const limit = current(row);
    const [entry = "", ...others] = isBlank(limit) ? lines : [limit.entry, ...lines];
    replace(row, { ...limit, entry }, others);
    announce(messages.registries.addedMany(lines.length));
  };
  const fix = (row: number, finding: Finding, text: string) => {
    const limit = current(row);
    if (limit.entry !== text) return;
    const [entry = "", ...others] = applyFix(text, finding);
    replace(row, { ...limit, entry }, others);
    announce(messages.findings.fixed);
  };

  return (
    <div className="limits">
      <Switch className="switch small" isSelected={limited.value} onChange={setLimited}>
        <span className="switch-track" aria-hidden="true" />
        {t.limit}
      </Switch>
      {limited.value && (
        <ul className="rows">
          {fields.map(({ id }, row) => (
            <LimitRow
              key={id}
              place={`${authority}/${row}`}
              name={`${name}.${row}.entry`}
              label={t.limitLabel(row + 1, subject || t.unnamed)}
              row={rows[row] ?? BLANK_LIMIT}
              number={row + 1}
              report={analysis.limits.get(`${authority}/${row}`)}
              onAdd={() => add(row)}
              onRemove={() => removeRow(row)}
              onLines={(lines) => paste(row, lines)}
              onFix={(finding, text) => fix(row, finding, text)}
              onEnable={() => {
                const { enabled: _, ...enabled } = current(row);
                replace(row, enabled);
              }}
            />
          ))}
        </ul>
      )}
      {limited.value && rows.every(isBlank) && <p className="muted">{t.limitEmpty}</p>}
    </div>
  );
}
