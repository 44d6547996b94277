// Findings about an input, by severity, each with a button for its fix.

import type { Finding } from "pullgate";
import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { FormattedMessage } from "./FormattedMessage";
import { Icon } from "./Icon";

export type DisplaySeverity = keyof typeof SEVERITY_ORDER;

const SEVERITY_ORDER = { unchecked: 0, error: 1, warning: 2, info: 3 };

/** Returns the severity to show: an unchecked input is neither valid nor wrong. */
export function severityOf({ code, severity }: Finding): DisplaySeverity {
  return code === "internal" ? "unchecked" : severity;
}

interface Props {
  findings: readonly Finding[];
  id?: string;
  onFix?: (finding: Finding) => void;
  /** An additional button for some findings. */
  action?: (finding: Finding) => ReactNode;
}

export function FindingList({ findings, id, onFix, action }: Props) {
  if (findings.length === 0) return null;
  const sorted = [...findings].sort((a, b) => SEVERITY_ORDER[severityOf(a)] - SEVERITY_ORDER[severityOf(b)]);
  return (
    <ul className="findings" id={id}>
      {sorted.map((finding, index) => {
        const severity = severityOf(finding);
        return (
          <li key={`${finding.code}-${index}`} className="finding" data-severity={severity} data-code={finding.code}>
            <Icon name={severity} />
            <span className="finding-text">
              <span className={severity === "unchecked" ? "finding-title" : "visually-hidden"}>
                {messages.findings[severity]}:{" "}
              </span>
              <FormattedMessage text={finding.message} />
            </span>
            {onFix && finding.fix !== undefined && finding.range && (
              <Button className="button small" onPress={() => onFix(finding)}>
                {labelOf(finding.fix)}
              </Button>
            )}
            {action?.(finding)}
          </li>
        );
      })}
    </ul>
  );
}

function labelOf(fix: string): string {
  if (fix === "") return messages.findings.remove;
  if (fix.includes("-----BEGIN ")) return messages.findings.fixPem;
  const count = fix.split(", ").length;
  return count > 1 ? messages.findings.fixMany(count) : messages.findings.fix(fix);
}
