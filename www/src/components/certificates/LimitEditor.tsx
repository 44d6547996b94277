// Registries that a certificate authority is limited to.

import { useMemo } from "react";
import { Switch } from "react-aria-components/Switch";
import { type ListAddress, type Scope, withAuthority } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { type AuthorityValues, blankRow, isBlank } from "../../form/values";
import { messages } from "../../messages";
import { RegistryList } from "../registries/RegistryList";

interface Props {
  scope: Scope;
  authority: AuthorityValues;
  subject: string;
}

export function LimitEditor({ scope, authority: { id, limited, registries }, subject }: Props) {
  const { actions } = usePolicy();
  const t = messages.certificates;
  const name = subject || t.unnamed;
  const address = useMemo((): ListAddress => ({ scope, list: { authority: id } }), [scope, id]);
  const labels = useMemo(
    () => ({
      entry: (row: number) => t.limitLabel(row, name),
      remove: (row: number) => t.removeLimit(row, name),
      add: (row: number) => t.addLimit(row, name),
      example: t.limitExample,
    }),
    [t, name],
  );
  const setLimited = (on: boolean) => {
    const blank = blankRow();
    actions.edit(
      (values) =>
        withAuthority(values, scope, id, (authority) => ({
          ...authority,
          limited: on,
          registries: on && authority.registries.length === 0 ? [blank] : authority.registries,
        })),
      { label: on ? t.limited : t.unlimited },
    );
    if (on) actions.focus((registries[0] ?? blank).id);
  };

  return (
    <div className="limits">
      <Switch className="switch small" isSelected={limited} onChange={setLimited}>
        <span className="switch-track" aria-hidden="true" />
        {t.limit}
      </Switch>
      {limited && <RegistryList address={address} form="entry" label={t.limitList(name)} labels={labels} />}
      {limited && registries.every(isBlank) && <p className="muted">{t.limitEmpty}</p>}
    </div>
  );
}
