// One registry: its fields, findings and buttons.

import { memo, useEffect, useId, useRef } from "react";
import { useFormContext, useWatch } from "react-hook-form";
import { Button } from "react-aria-components/Button";
import { announceSettled } from "../../announce";
import type { FieldReport } from "../../form/analysis";
import { textOf } from "../../form/document";
import { join } from "../../form/hostPort";
import type { FormActions } from "../../form/usePolicyForm";
import type { FormValues } from "../../form/values";
import { messages } from "../../messages";
import { EntryInput } from "../ui/EntryInput";
import { FindingList, severityOf } from "../ui/FindingList";
import { Icon } from "../ui/Icon";
import type { TextMark } from "../ui/MarkedInput";
import type { RowHighlight } from "./highlight";
import { RowNotes } from "./RowNotes";
import { TransportRadio } from "./TransportRadio";

interface Props {
  index: number;
  /** The position among the visible rows, from 1. */
  number: number;
  whitelistMode: boolean;
  report: FieldReport | undefined;
  highlight: RowHighlight["kind"] | undefined;
  actions: FormActions;
}

export const RegistryRow = memo(
  function RegistryRow({ index, number, whitelistMode, report, highlight, actions }: Props) {
    const { control } = useFormContext<FormValues>();
    const row = useWatch({ control, name: `rows.${index}` });
    const item = useRef<HTMLLIElement>(null);
    const findingsId = useId();
    const current = row === undefined ? "" : textOf(row);
    // During a check the report refers to an older text.
    const fresh = report?.text === current ? report : undefined;
    const findings = report?.findings ?? [];
    const isInvalid = findings.some((finding) => severityOf(finding) === "error");
    useAnnouncedFinding(item, fresh);

    if (row === undefined) return null;
    const { hostStart, portStart } = join({ host: row.entry, port: row.port });
    const marks = fresh === undefined ? [] : textMarks(fresh);
    const describedBy = findings.length > 0 ? findingsId : undefined;
    const common = { describedBy, onEnter: () => actions.add(index) };
    const inHost = within(marks, hostStart, row.entry.length);
    const inPort = within(marks, portStart, row.port.length);
    // An error without a range marks both fields.
    const isElsewhere = (here: TextMark[], there: TextMark[]) => !here.some(isError) && there.some(isError);
    const name = messages.registries;
    const switchOff = () => {
      actions.setMode(false);
      // This row disappears.
      document.querySelector<HTMLElement>(".registries .switch input")?.focus();
    };

    return (
      <li
        ref={item}
        className="row"
        data-row={index}
        data-highlight={highlight}
        data-disabled={row.enabled === false || undefined}
      >
        <div className="row-fields" data-mode={whitelistMode ? "on" : "off"}>
          <EntryInput
            {...common}
            isInvalid={isInvalid && !isElsewhere(inHost, inPort)}
            name={`rows.${index}.entry`}
            label={whitelistMode ? name.entryLabel(number) : name.hostLabel(number)}
            example={whitelistMode ? name.entryExample : name.hostExample}
            marks={inHost}
            onLines={(lines) => actions.paste(index, lines)}
          />
          {whitelistMode ? (
            <TransportRadio index={index} label={name.transportLabel(number)} />
          ) : (
            <EntryInput
              {...common}
              isInvalid={isInvalid && !isElsewhere(inPort, inHost)}
              className="port"
              name={`rows.${index}.port`}
              label={name.portLabel(number)}
              example={name.portExample}
              marks={inPort}
            />
          )}
          <div className="row-buttons">
            <Button className="button icon-only" aria-label={name.remove(number)} onPress={() => actions.remove(index)}>
              <Icon name="minus" />
            </Button>
            <Button className="button icon-only" aria-label={name.add(number)} onPress={() => actions.add(index)}>
              <Icon name="plus" />
            </Button>
          </div>
        </div>
        <FindingList
          id={findingsId}
          findings={findings}
          {...(fresh && { onFix: (finding) => actions.fix(index, finding) })}
          action={({ code }) =>
            code === "wildcard-all" &&
            whitelistMode &&
            !row.insecure && (
              <Button className="button small" onPress={switchOff}>
                {name.switchOff}
              </Button>
            )
          }
        />
        <RowNotes
          row={row}
          canonical={fresh && canonicalHint(fresh)}
          highlight={highlight}
          onEnable={() => actions.enable(index)}
        />
      </li>
    );
  },
  // Each key press creates new reports, most of them equal to the old ones.
  (before, after) =>
    before.index === after.index &&
    before.number === after.number &&
    before.whitelistMode === after.whitelistMode &&
    before.highlight === after.highlight &&
    before.actions === after.actions &&
    JSON.stringify(before.report) === JSON.stringify(after.report),
);

export function textMarks({ findings }: FieldReport): TextMark[] {
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
export function canonicalHint({ canonical, findings }: FieldReport): string | undefined {
  return findings.some(({ message }) => message.includes(`\`${canonical}\``)) ? undefined : canonical;
}

/** Returns the marks within a part of the text, with offsets in that part. */
function within(marks: readonly TextMark[], from: number, length: number): TextMark[] {
  return marks
    .map((mark) => ({ ...mark, start: Math.max(0, mark.start - from), end: Math.min(length, mark.end - from) }))
    .filter(({ start, end }) => end > start);
}

/** Announces the first problem of the focused row. */
function useAnnouncedFinding(item: React.RefObject<HTMLLIElement | null>, report: FieldReport | undefined) {
  const [first] = report?.findings.filter(({ severity }) => severity !== "info") ?? [];
  const text = first && `${messages.findings[severityOf(first)]}: ${first.message}`;
  useEffect(() => {
    if (text !== undefined && item.current?.contains(document.activeElement)) announceSettled("finding", text);
  }, [item, text]);
}
