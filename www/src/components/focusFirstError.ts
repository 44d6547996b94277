import type { Finding } from "pullgate";
import type { PolicyForm } from "../form/usePolicyForm";
import { severityOf } from "./ui/FindingList";

/** Focuses the first error: in a row, an authority, or the preserved members. */
export function focusFirstError({ analysis, actions }: PolicyForm): void {
  const isWrong = (findings: Finding[]) => findings.some((finding) => severityOf(finding) === "error");
  const rows = [...analysis.rows].filter(([, { findings }]) => isWrong(findings)).map(([row]) => row);
  if (rows.length > 0) {
    actions.focus(Math.min(...rows));
    return;
  }
  const limit = [...analysis.limits].find(([, { findings }]) => isWrong(findings))?.[0];
  const authority = [...analysis.authorities].find(([, findings]) => isWrong(findings))?.[0];
  const selector =
    limit !== undefined
      ? `[data-limit="${limit}"] input`
      : authority !== undefined
        ? `[data-authority="${authority}"] .certificate-remove`
        : ".preserved";
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  found?.scrollIntoView({ block: "center" });
}
