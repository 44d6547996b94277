// What is said of an input, each finding with its weight, and a button that puts it right.

import type { Finding } from "pullgate";
import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";
import { texts } from "../../messages";
import { Icon } from "./Icon";
import { Message } from "./FormattedMessage";

const WEIGHT = { unchecked: 0, error: 1, warning: 2, info: 3 };

/** How a finding is shown: what could not be checked is neither right nor wrong. */
export function weightOf({ code, severity }: Finding): keyof typeof WEIGHT {
  return code === "internal" ? "unchecked" : severity;
}

interface Props {
  findings: readonly Finding[];
  id?: string;
  onFix?: (finding: Finding) => void;
  /** A button of another kind for some findings. */
  action?: (finding: Finding) => ReactNode;
}

export function FindingList({ findings, id, onFix, action }: Props) {
  if (findings.length === 0) return null;
  const sorted = [...findings].sort((a, b) => WEIGHT[weightOf(a)] - WEIGHT[weightOf(b)]);
  return (
    <ul className="findings" id={id}>
      {sorted.map((finding, index) => {
        const weight = weightOf(finding);
        return (
          <li key={`${finding.code}-${index}`} className="finding" data-weight={weight} data-code={finding.code}>
            <Icon name={weight} />
            <span className="finding-text">
              <span className={weight === "unchecked" ? "finding-title" : "visually-hidden"}>
                {texts.findings[weight]}:{" "}
              </span>
              <Message text={finding.message} />
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
  if (fix === "") return texts.findings.remove;
  const count = fix.split(", ").length;
  return count > 1 ? texts.findings.fixMany(count) : texts.findings.fix(fix);
}
