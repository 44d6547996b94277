// One registry: its fields, findings and buttons.

import type { EntryList, Finding } from "pullgate";
import { memo, useEffect, useId, useMemo, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Toolbar } from "react-aria-components/Toolbar";
import { announceSettled } from "../../announce";
import { type FieldReport, type PolicyAnalysis, reportOf } from "../../form/analysis";
import { join } from "../../form/hostPort";
import type { ListActions } from "../../form/usePolicyForm";
import type { RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import { EntryInput } from "../ui/EntryInput";
import { FindingList, severityOf } from "../ui/FindingList";
import { Icon } from "../ui/Icon";
import type { TextMark } from "../ui/MarkedInput";
import type { RowHighlight } from "./highlight";
import { RowDetails } from "./RowDetails";
import { RowNotes } from "./RowNotes";
import { TransportRadio } from "./TransportRadio";

/** The accessible names of a row's controls, by the number of the row. */
export interface RowLabels {
  entry: (number: number) => string;
  remove: (number: number) => string;
  add: (number: number) => string;
  example: string;
}

/** The fields of a row: an entry with its transport, a host and a port, or an entry alone. */
export type RowForm = "transport" | "port" | "entry";

interface Props {
  row: RegistryValues;
  /** The position in the list, from 1. */
  number: number;
  form: RowForm;
  list: EntryList;
  labels: RowLabels;
  known: ReturnType<PolicyAnalysis["rows"]["get"]>;
  highlight: RowHighlight["kind"] | undefined;
  /** Absent unless rows are being selected. */
  isSelected: boolean | undefined;
  onSelect: (id: number, isSelected: boolean) => void;
  actions: ListActions;
  /** Moves the focus by rows. */
  onMove: (id: number, step: 1 | -1) => void;
  onPaste: (text: string, row: RegistryValues) => void;
  /** Additional buttons for some findings. */
  findingAction?: ((finding: Finding, row: RegistryValues) => React.ReactNode) | undefined;
}

export const RegistryRow = memo(function RegistryRow(props: Props) {
  const { row, number, form, list, labels, known, highlight, isSelected, actions, onMove, onPaste, findingAction } = props;
  const [hasDetails, setHasDetails] = useState(false);
  const item = useRef<HTMLDivElement>(null);
  const findingsId = useId();
  const report = useMemo(() => reportOf(row, list, known), [row, list, known]);
  const { findings } = report;
  const isInvalid = findings.some((finding) => severityOf(finding) === "error");
  useAnnouncedFinding(item, report);

  const { hostStart, portStart } = join({ host: row.entry, port: row.port });
  const marks = textMarks(report);
  const inHost = within(marks, hostStart, row.entry.length);
  const inPort = within(marks, portStart, row.port.length);
  // An error without a range marks both fields.
  const isElsewhere = (here: TextMark[], there: TextMark[]) => !here.some(isError) && there.some(isError);
  const t = messages.registries;
  const common = {
    describedBy: findings.length > 0 ? findingsId : undefined,
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.key === "Enter") actions.add(row.id);
      else if (event.key === "ArrowDown") onMove(row.id, 1);
      else if (event.key === "ArrowUp") onMove(row.id, -1);
      else return;
      event.preventDefault();
    },
  };

  return (
    <div ref={item} className="row-content">
      <div className="row-fields" data-form={form} data-selecting={isSelected !== undefined || undefined}>
        {isSelected !== undefined && (
          <label className="row-select">
            <input
              type="checkbox"
              aria-label={messages.list.selectOne(number)}
              checked={isSelected}
              onChange={({ target }) => props.onSelect(row.id, target.checked)}
            />
          </label>
        )}
        <EntryInput
          {...common}
          value={row.entry}
          onChange={(text) => actions.setText(row.id, "entry", text)}
          isInvalid={isInvalid && !isElsewhere(inHost, inPort)}
          label={labels.entry(number)}
          example={labels.example}
          marks={inHost}
          onLines={(text) => onPaste(text, row)}
        />
        {form === "transport" && (
          <TransportRadio
            isInsecure={row.insecure}
            label={t.transportLabel(number)}
            onChange={(insecure) => actions.setInsecure([row.id], insecure)}
          />
        )}
        {form === "port" && (
          <EntryInput
            {...common}
            className="port"
            value={row.port}
            onChange={(text) => actions.setText(row.id, "port", text)}
            isInvalid={isInvalid && !isElsewhere(inPort, inHost)}
            label={t.portLabel(number)}
            example={t.portExample}
            marks={inPort}
          />
        )}
        <Toolbar className="row-buttons" aria-label={messages.list.buttons(number)}>
          <Button className="button icon-only" aria-label={labels.remove(number)} onPress={() => actions.remove([row.id])}>
            <Icon name="minus" />
          </Button>
          <Button className="button icon-only" aria-label={labels.add(number)} onPress={() => actions.add(row.id)}>
            <Icon name="plus" />
          </Button>
          <Button
            className="button icon-only"
            aria-label={messages.list.more(number)}
            aria-expanded={hasDetails}
            onPress={() => setHasDetails(!hasDetails)}
          >
            <Icon name="more" />
          </Button>
        </Toolbar>
      </div>
      <FindingList
        id={findingsId}
        findings={findings}
        onFix={(finding) => actions.fix(row.id, finding)}
        {...(findingAction && { action: (finding) => findingAction(finding, row) })}
      />
      {hasDetails && <RowDetails row={row} hasNamespaces={list === "whitelist" || list === "blocked"} actions={actions} />}
      <RowNotes
        row={row}
        hasDetails={hasDetails}
        canonical={canonicalHint(report)}
        highlight={highlight}
        onEnable={() => {
          actions.setEnabled([row.id], true);
          actions.focus(row.id);
        }}
      />
    </div>
  );
});

function textMarks({ findings }: FieldReport): TextMark[] {
  return findings.flatMap((finding) =>
    finding.range
      ? [{ start: finding.range.startUtf16, end: finding.range.endUtf16, severity: severityOf(finding) }]
      : [],
  );
}

function isError({ severity }: TextMark): boolean {
  return severity === "error";
}

/** Returns the canonical form to show, unless a finding shows it already. */
function canonicalHint({ canonical, findings }: FieldReport): string | undefined {
  return findings.some(({ message }) => message.includes(`\`${canonical}\``)) ? undefined : canonical;
}

/** Returns the marks within a part of the text, with offsets in that part. */
function within(marks: readonly TextMark[], from: number, length: number): TextMark[] {
  return marks
    .map((mark) => ({ ...mark, start: Math.max(0, mark.start - from), end: Math.min(length, mark.end - from) }))
    .filter(({ start, end }) => end > start);
}

/** Announces the first problem of the focused row. */
function useAnnouncedFinding(item: React.RefObject<HTMLElement | null>, report: FieldReport) {
  const [first] = report.findings.filter(({ severity }) => severity !== "info");
  const text = first && `${messages.findings[severityOf(first)]}: ${first.message}`;
  useEffect(() => {
    if (text !== undefined && item.current?.contains(document.activeElement)) announceSettled("finding", text);
  }, [item, text]);
}
