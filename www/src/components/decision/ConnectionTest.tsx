// Connection test of a registry by the daemon, and its report.

import { useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import { DaemonError, probe, type ProbeRequest } from "../../daemon/daemon";
import type { ProbeReport } from "../../daemon/report";
import { messages } from "../../messages";
import { FormattedMessage } from "../ui/FormattedMessage";
import { outcomeOf, ProbeReportView } from "./ProbeReportView";

type ProbeState = { is: "idle" | "running" } | { is: "failed"; reason: string } | { is: "done"; report: ProbeReport };

export function ConnectionTest(request: ProbeRequest) {
  const [state, setState] = useState<ProbeState>({ is: "idle" });
  const controller = useRef<AbortController>(undefined);
  useEffect(() => () => controller.current?.abort(), []);
  const t = messages.tryOut;

  const test = async () => {
    controller.current?.abort();
    const { signal } = (controller.current = new AbortController());
    setState({ is: "running" });
    try {
      const report = await probe(request, signal);
      if (signal.aborted) return;
      setState({ is: "done", report });
      announce(`${outcomeOf(report)}. ${report.summary}`);
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof DaemonError ? t.connectRefused(error.message) : t.connectFailed;
      setState({ is: "failed", reason });
      announce(reason);
    }
  };

  return (
    <div className="probe">
      <Button className="button" onPress={test}>
        {t.connect(request.registry)}
      </Button>
      {state.is === "running" && <p className="muted">{t.connecting}</p>}
      {state.is === "failed" && (
        <p className="notice" data-severity="error">
          <span>
            <FormattedMessage text={state.reason} />
          </span>
        </p>
      )}
      {state.is === "done" && <ProbeReportView report={state.report} />}
    </div>
  );
}
