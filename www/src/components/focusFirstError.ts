import type { Finding } from "pullgate";
import type { PolicyForm } from "../form/usePolicyForm";
import { severityOf } from "./ui/FindingList";

/** Focuses the first error: in a row, an authority, or another member. */
export function focusFirstError({ analysis, actions }: PolicyForm): void {
  const isWrong = (findings: Finding[]) => findings.some((finding) => severityOf(finding) === "error");
  const row = firstWrongRow();
  if (row !== undefined) return actions.focus(row);
  const authority = [...analysis.authorities].find(([, findings]) => isWrong(findings))?.[0];
  const selector = authority === undefined ? ".settings" : `[data-authority="${authority}"] .certificate-remove`;
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  found?.scrollIntoView({ block: "center" });

  // In the order of the form, in which insecure registries may stand before others.
  function firstWrongRow(): number | undefined {
    const { values, rows } = analysis;
    const scopes = [values, ...values.projects];
    const lists = [
      ...scopes.flatMap((scope) => [scope.rows, scope.blocked]),
      ...scopes.flatMap((scope) => scope.authorities.map(({ registries }) => registries)),
      values.builtIn,
    ];
    for (const list of lists) {
      const wrong = list.find(({ id }) => isWrong(rows.get(id)?.findings ?? []));
      if (wrong) return wrong.id;
    }
    return undefined;
  }
}
