// Result of opening a policy, or the settings of another program.

import { Button } from "react-aria-components/Button";
import type { OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import { settingsMessages } from "../settings/messages";
import type { ImportFinding } from "../settings/settings";
import { download } from "./output/clipboard";
import { FormattedMessage } from "./ui/FormattedMessage";
import { Icon } from "./ui/Icon";

export function OpenResultNotice({ opened, onDismiss }: { opened: OpenResult; onDismiss: () => void }) {
  const lines = opened.ok ? opened.notes : opened.problems;
  const findings = (opened.ok && opened.imported?.findings) || [];
  const toml = opened.ok ? opened.imported?.toml : undefined;
  const isDoubtful = lines.length > 0 || findings.some(({ severity }) => severity !== "info");
  return (
    <div className="notice" data-severity={!opened.ok ? "error" : isDoubtful ? "warning" : "good"}>
      <div className="notice-text">
        <p>{openedTitle(opened)}</p>
        {lines.length > 0 && (
          <ul>
            {lines.map((line) => (
              <li key={line}>
                <FormattedMessage text={line} isAboutFile />
              </li>
            ))}
          </ul>
        )}
        {!opened.ok && opened.hint !== undefined && (
          <p>
            <FormattedMessage text={opened.hint} isAboutFile />
          </p>
        )}
        <ImportFindings findings={findings} />
        {toml !== undefined && (
          <p>
            <Button className="button small" onPress={() => download("policy.toml", toml)}>
              {settingsMessages.downloadOrigins}
            </Button>
          </p>
        )}
      </div>
      <Button className="button icon-only quiet" aria-label={messages.open.dismiss} onPress={onDismiss}>
        <Icon name="close" />
      </Button>
    </div>
  );
}

export function openedTitle(opened: OpenResult): string {
  if (!opened.ok) return messages.open.failed;
  if (opened.imported === undefined) return messages.open.done;
  const { source, files } = opened.imported;
  return settingsMessages.imported(settingsMessages.sources[source] ?? source, files);
}

const SEVERITIES = ["error", "warning", "info"] as const;

/** What is found about the settings: first what is not in the policy. */
function ImportFindings({ findings }: { findings: readonly ImportFinding[] }) {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const sorted = SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
  if (sorted.length === 0) return null;
  return (
    <>
      {errors > 0 && <p>{settingsMessages.leftOut(errors)}</p>}
      <ul className="findings">
        {sorted.map(({ code, severity, origin, message }, index) => (
          <li key={index} className="finding" data-severity={severity} data-code={code}>
            <Icon name={severity} />
            <span className="finding-text">
              <span className="visually-hidden">{messages.findings[severity]}: </span>
              <FormattedMessage text={message} isAboutFile />{" "}
              <span className="muted">
                (<bdi>{settingsMessages.origin(origin.file, origin.line)}</bdi>)
              </span>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
