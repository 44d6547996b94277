// Lets the daemon try to reach a registry, and shows how far it got.

import { useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../../announce";
import { probe, Refused, type ToProbe } from "../../daemon/daemon";
import type { ProbeReport } from "../../daemon/report";
import { texts } from "../../messages";
import { Message } from "../ui/FormattedMessage";
import { outcomeOf, ProbeReportView } from "./ProbeReportView";

type State = { is: "idle" | "asking" } | { is: "failed"; why: string } | { is: "done"; report: ProbeReport };

export function TestConnection(what: ToProbe) {
  const [state, setState] = useState<State>({ is: "idle" });
  const asked = useRef<AbortController>(undefined);
  useEffect(() => () => asked.current?.abort(), []);
  const say = texts.tryOut;

  const test = async () => {
    asked.current?.abort();
    const { signal } = (asked.current = new AbortController());
    setState({ is: "asking" });
    try {
      const report = await probe(what, signal);
      if (signal.aborted) return;
      setState({ is: "done", report });
      announce(`${outcomeOf(report)}. ${report.summary}`);
    } catch (error) {
      if (signal.aborted) return;
      const why = error instanceof Refused ? say.connectRefused(error.message) : say.connectFailed;
      setState({ is: "failed", why });
      announce(why);
    }
  };

  return (
    <div className="probe">
      <Button className="button" onPress={test}>
        {say.connect(what.registry)}
      </Button>
      {state.is === "asking" && <p className="muted">{say.connecting}</p>}
      {state.is === "failed" && (
        <p className="notice" data-weight="error">
          <span>
            <Message text={state.why} />
          </span>
        </p>
      )}
      {state.is === "done" && <ProbeReportView report={state.report} />}
    </div>
  );
}
