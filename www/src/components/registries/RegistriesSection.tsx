// Registries: the switch of whitelist mode, a summary of the policy, and the rows.

import { useEffect, useRef, useState } from "react";
import { Switch } from "react-aria-components/Switch";
import { isVisible } from "../../form/document";
import { usePolicy } from "../../form/usePolicyForm";
import { isBlank } from "../../form/values";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Section } from "../ui/Section";
import type { RowHighlight } from "./highlight";
import { Pager } from "./Pager";
import { RegistryRow } from "./RegistryRow";
import { summaryOf } from "./summary";

/** Number of rows rendered at once: thousands of fields would slow down every key press. */
const PAGE_SIZE = 100;

export function RegistriesSection({ highlight }: { highlight: RowHighlight | undefined }) {
  const { ids, values, analysis, actions, focused } = usePolicy();
  const { whitelistMode, rows } = values;
  const [page, setPage] = useState(0);
  const list = useRef<HTMLOListElement>(null);
  // Each focus request is a new object, so that the same row can be focused again.
  const handled = useRef<typeof focused>(undefined);

  const shown = rows.flatMap((row, index) => (isVisible(row, whitelistMode) ? [index] : []));
  const pages = Math.max(1, Math.ceil(shown.length / PAGE_SIZE));
  const current = Math.min(page, pages - 1);
  const from = current * PAGE_SIZE;
  const hidden = rows.filter((row) => !isVisible(row, whitelistMode) && !isBlank(row)).length;

  const target = focused && shown.indexOf(focused.row);
  useEffect(() => {
    // A row just added may be rendered later.
    if (focused === handled.current || target === undefined || target === -1) return;
    handled.current = focused;
    setPage(Math.floor(target / PAGE_SIZE));
    // Once the rows of that page are rendered.
    requestAnimationFrame(() => {
      const row = list.current?.querySelector(`[data-row="${focused?.row}"]`);
      const field = row?.querySelector<HTMLElement>('input[aria-invalid="true"]') ?? row?.querySelector("input");
      field?.focus();
    });
  }, [focused, target]);

  const t = messages.registries;
  return (
    <Section title={t.title} className="registries">
      <Switch className="switch" isSelected={whitelistMode} onChange={actions.setMode}>
        <span className="switch-track" aria-hidden="true" />
        {t.switch}
      </Switch>
      <p className="summary" data-mode={whitelistMode ? "on" : "off"}>
        {summaryOf(analysis)}
      </p>
      <div className="row-headings" data-mode={whitelistMode ? "on" : "off"} aria-hidden="true">
        <span>
          {whitelistMode ? t.entryHeading : t.hostHeading}
          {!whitelistMode && <span className="hint"> {t.hostHint}</span>}
        </span>
        <span>{whitelistMode ? t.transportHeading : t.portHeading}</span>
      </div>
      <ol className="rows" ref={list} start={from + 1}>
        {shown.slice(from, from + PAGE_SIZE).map((index, at) => (
          <RegistryRow
            key={ids[index] ?? index}
            index={index}
            number={from + at + 1}
            whitelistMode={whitelistMode}
            report={analysis.rows.get(index)}
            highlight={highlight?.row === index ? highlight.kind : undefined}
            actions={actions}
          />
        ))}
      </ol>
      {pages > 1 && <Pager from={from} size={PAGE_SIZE} of={shown.length} onPage={(step) => setPage(current + step)} />}
      {hidden > 0 && <p className="muted">{t.hidden(hidden)}</p>}
      <FindingList findings={analysis.lists} />
    </Section>
  );
}
