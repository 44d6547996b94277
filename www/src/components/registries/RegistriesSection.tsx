// The registries: the switch, what it means for the policy as it stands, and the rows.

import { useEffect, useRef, useState } from "react";
import { Switch } from "react-aria-components/Switch";
import { isShown } from "../../form/document";
import { usePolicy } from "../../form/usePolicyForm";
import { isBlank } from "../../form/values";
import { texts } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Pager } from "./Pager";
import { RegistryRow } from "./RegistryRow";
import { Section } from "../ui/Section";
import { summaryOf } from "./summary";

/** As many rows as are drawn at once: thousands of fields would make every key slow. */
const PAGE = 100;

export interface Lit {
  row: number;
  how: "decides" | "nearest";
}

export function Registries({ lit }: { lit: Lit | undefined }) {
  const { ids, values, analysis, actions, focused } = usePolicy();
  const { whitelistMode, rows } = values;
  const [page, setPage] = useState(0);
  const list = useRef<HTMLOListElement>(null);
  // A request for the focus is an object of its own, so that the same row can be asked for again.
  const handled = useRef<typeof focused>(undefined);

  const shown = rows.flatMap((row, index) => (isShown(row, whitelistMode) ? [index] : []));
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  const current = Math.min(page, pages - 1);
  const from = current * PAGE;
  const hidden = rows.filter((row) => !isShown(row, whitelistMode) && !isBlank(row)).length;

  const target = focused && shown.indexOf(focused.row);
  useEffect(() => {
    // A row that was just added may come later.
    if (focused === handled.current || target === undefined || target === -1) return;
    handled.current = focused;
    setPage(Math.floor(target / PAGE));
    // After the rows of that page are there.
    requestAnimationFrame(() => {
      const row = list.current?.querySelector(`[data-row="${focused?.row}"]`);
      const field = row?.querySelector<HTMLElement>('input[aria-invalid="true"]') ?? row?.querySelector("input");
      field?.focus();
    });
  }, [focused, target]);

  const say = texts.registries;
  return (
    <Section title={say.title} className="registries">
      <Switch className="switch" isSelected={whitelistMode} onChange={actions.setMode}>
        <span className="switch-track" aria-hidden="true" />
        {say.switch}
      </Switch>
      <p className="summary" data-mode={whitelistMode ? "on" : "off"}>
        {summaryOf(analysis)}
      </p>
      <div className="row-headings" data-mode={whitelistMode ? "on" : "off"} aria-hidden="true">
        <span>
          {whitelistMode ? say.entryHeading : say.hostHeading}
          {!whitelistMode && <span className="hint"> {say.hostHint}</span>}
        </span>
        <span>{whitelistMode ? say.transportHeading : say.portHeading}</span>
      </div>
      <ol className="rows" ref={list} start={from + 1}>
        {shown.slice(from, from + PAGE).map((index, at) => (
          <RegistryRow
            key={ids[index] ?? index}
            index={index}
            number={from + at + 1}
            whitelistMode={whitelistMode}
            report={analysis.rows.get(index)}
            lit={lit?.row === index ? lit.how : undefined}
            actions={actions}
          />
        ))}
      </ol>
      {pages > 1 && <Pager from={from} size={PAGE} of={shown.length} onPage={(step) => setPage(current + step)} />}
      {hidden > 0 && <p className="muted">{say.hidden(hidden)}</p>}
      <FindingList findings={analysis.lists} />
    </Section>
  );
}
