// Lets the daemon try to reach a registry, and shows how far it got.

import type { PolicyDocument } from "pullgate";
import { useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components/Button";
import { announce } from "../announce";
import { type ProbeReport, probe } from "../daemon/daemon";
import { texts } from "../texts";
import { Icon } from "./Icon";

type State = { is: "idle" | "asking" | "failed" } | { is: "done"; report: ProbeReport };

export function TestConnection({ registry, policy }: { registry: string; policy: PolicyDocument }) {
  const [state, setState] = useState<State>({ is: "idle" });
  const asked = useRef<AbortController>(undefined);
  useEffect(() => () => asked.current?.abort(), []);
  const say = texts.tryOut;

  const test = async () => {
    asked.current?.abort();
    const { signal } = (asked.current = new AbortController());
    setState({ is: "asking" });
    try {
      const report = await probe(registry, policy, signal);
      if (signal.aborted) return;
      setState({ is: "done", report });
      announce(report.summary ?? "");
    } catch {
      if (signal.aborted) return;
      setState({ is: "failed" });
      announce(say.connectFailed);
    }
  };

  return (
    <div className="probe">
      <Button className="button" onPress={test}>
        {say.connect(registry)}
      </Button>
      {state.is === "asking" && <p className="muted">{say.connecting}</p>}
      {state.is === "failed" && <p className="notice" data-weight="error">{say.connectFailed}</p>}
      {state.is === "done" && <Report report={state.report} />}
    </div>
  );
}

function Report({ report: { summary, attempts = [] } }: { report: ProbeReport }) {
  const say = texts.tryOut;
  return (
    <>
      {summary && <p className="probe-summary">{summary}</p>}
      <ol className="probe-attempts">
        {attempts.map(({ scheme = "", port, address, stages = [] }, index) => (
          <li key={index}>
            <p>
              {[port === undefined ? scheme.toUpperCase() : say.attempt(scheme, port), address].filter(Boolean).join(", ")}
            </p>
            <ul className="stages">
              {stages.map(({ stage = "", ok, detail = "" }, index) => (
                <li key={index} data-ok={ok === true}>
                  <Icon name={ok === true ? "check" : "close"} />
                  <span>
                    <strong>{stage}</strong> <span className="visually-hidden">{ok === true ? say.worked : say.failed}</span>{" "}
                    <bdi>{detail}</bdi>
                  </span>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </>
  );
}
