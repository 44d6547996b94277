// Review of the changes before they are applied: what applying would do, and the daemon's answer.

import { useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import { type CurrentPolicy, DaemonError, hasBearerToken, putPolicy, setBearerToken } from "../../daemon/daemon";
import { usePolicy } from "../../form/usePolicyForm";
import { writeJson } from "../../formats/json";
import { messages } from "../../messages";
import { Dialog } from "../ui/Dialog";
import { FormattedMessage } from "../ui/FormattedMessage";
import { TokenField } from "../TokenForm";
import { ComparisonView, useComparison } from "./ComparisonView";

interface Props {
  current: CurrentPolicy;
  /** False if the daemon takes no policy over its API. */
  isUpdatable: boolean;
  onApplied: (current: CurrentPolicy) => void;
  onClose: () => void;
}

type ApplyState = { is: "ready" | "applying" } | { is: "refused"; title: string; reason: string };

export function ReviewDialog({ current, isUpdatable, onApplied, onClose }: Props) {
  const { analysis, isStale } = usePolicy();
  const [state, setState] = useState<ApplyState>({ is: "ready" });
  const [token, setToken] = useState("");
  const [needsToken, setNeedsToken] = useState(!hasBearerToken());
  const [{ etag }] = useState(current);
  const comparison = useComparison(current.policy, analysis.text);
  const t = messages.apply;
  const canApply = analysis.canonical !== undefined && !isStale && state.is !== "applying";

  const apply = async () => {
    if (token.trim() !== "") setBearerToken(token.trim());
    setState({ is: "applying" });
    try {
      const applied = await putPolicy(writeJson(analysis.document).text, current.etag);
      announce(t.applied(applied.generation));
      onApplied(applied);
    } catch (error) {
      const status = error instanceof DaemonError ? error.status : undefined;
      if (status === 401) {
        setBearerToken(undefined);
        setNeedsToken(true);
        setToken("");
      }
      const refusal = refusalOf(error);
      setState({ is: "refused", ...refusal });
      announce(`${refusal.title} ${refusal.reason}`);
    }
  };

  return (
    <Dialog title={t.title} onClose={onClose}>
      {current.etag !== etag && (
        <p className="notice" data-severity="warning" role="status">
          {t.changedMeanwhile(current.generation)}
        </p>
      )}
      <p className="muted">{t.against(current.generation)}</p>
      <ComparisonView result={comparison} />
      {state.is === "refused" && (
        <div className="notice" data-severity="error" role="alert">
          <div className="notice-text">
            <p>{state.title}</p>
            {state.reason.split("\n").filter(Boolean).map((line, index) => (
              <p key={index} className="refusal-line">
                <FormattedMessage text={line} />
              </p>
            ))}
          </div>
        </div>
      )}
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (canApply) void apply();
        }}
      >
        {!isUpdatable && (
          <p className="notice" data-severity="warning">
            <span>
              <FormattedMessage text={t.updatesOff} isAboutFile />
            </span>
          </p>
        )}
        {isUpdatable && needsToken && <TokenField token={token} onToken={setToken} />}
        <div className="dialog-buttons">
          {isUpdatable && (
            <Button className="button primary" type="submit" isDisabled={!canApply}>
              {state.is === "applying" ? t.applying : t.apply}
            </Button>
          )}
          <Button className="button" onPress={onClose}>
            {t.cancel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Returns a refusal in words, with the daemon's own where it has any. */
function refusalOf(error: unknown): { title: string; reason: string } {
  const t = messages.apply.refused;
  if (!(error instanceof DaemonError)) {
    return { title: error instanceof TypeError ? t.offline : t.unexpected, reason: "" };
  }
  const { status, message: reason } = error;
  if (status === 401) return { title: t.unauthorized, reason: "" };
  if (status === 412) return { title: t.outdated, reason: "" };
  if (status === 403) return { title: t.forbidden, reason };
  if (status === 400 || status === 422) return { title: t.invalid, reason };
  return { title: t.other, reason };
}
