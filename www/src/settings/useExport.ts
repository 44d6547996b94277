// The settings of one target for the policy of the form, by the daemon.

import { useEffect, useMemo, useState } from "react";
import { announce } from "../announce";
import { DaemonError } from "../daemon/daemon";
import { settingsMessages as t } from "./messages";
import { type ExportRequest, type ExportResponse, exportSettings } from "./settings";

/** Pause in the changes before the settings are written anew, in milliseconds. */
const EXPORT_DELAY_MS = 400;

export type ExportResult =
  | { is: "written"; settings: ExportResponse }
  /** The target would allow more than the policy. */
  | { is: "wider"; reason: string }
  | { is: "refused"; reason: string }
  /** The daemon is an older one. */
  | { is: "unsupported" }
  | { is: "failed" };

export interface ExportState {
  /** The last result; absent before the first. */
  result: ExportResult | undefined;
  /** True while the result is that of another request. */
  isPending: boolean;
  retry: () => void;
}

/** Exports again whenever the request is another one; absent if there is nothing to export. */
export function useExport(request: ExportRequest | undefined): ExportState {
  const key = useMemo(() => request && JSON.stringify(request), [request]);
  const [done, setDone] = useState<{ key: string; result: ExportResult }>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const result = await exported(JSON.parse(key) as ExportRequest, stop.signal);
      if (stop.signal.aborted) return;
      setDone({ key, result });
      if (result.is === "wider") announce(t.wider);
    }, EXPORT_DELAY_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key, attempt]);

  const retry = () => {
    setDone(undefined);
    setAttempt((attempt) => attempt + 1);
  };
  return { result: done?.result, isPending: key !== undefined && done?.key !== key, retry };
}

async function exported(request: ExportRequest, signal: AbortSignal): Promise<ExportResult> {
  try {
    return { is: "written", settings: await exportSettings(request, signal) };
  } catch (error) {
    if (!(error instanceof DaemonError)) return { is: "failed" };
    const { status, code, message } = error;
    if (status === 404 || status === 405) return { is: "unsupported" };
    if (status === 503) return { is: "failed" };
    return { is: code === "wider" ? "wider" : "refused", reason: message };
  }
}
