// Checks of large policies in a worker. Where there is none, they are checked here.

import { checkPolicy, type PolicyReport } from "pullgate";

/** The requests without an answer yet, in the order of the answers. */
const waiting: { text: string; resolve: (report: PolicyReport) => void }[] = [];

let worker: Worker | undefined;
let hasFailed = false;

/** Checks a policy in the background, given as JSON. */
export function checkInBackground(text: string): Promise<PolicyReport> {
  if (hasFailed) return Promise.resolve(checkPolicy(text));
  worker ??= startWorker();
  return new Promise((resolve) => {
    waiting.push({ text, resolve });
    worker?.postMessage(text);
  });
}

function startWorker(): Worker {
  const started = new Worker(new URL("./checkWorker.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data: report }: MessageEvent<PolicyReport>) => waiting.shift()?.resolve(report));
  for (const failure of ["error", "messageerror"] as const) {
    started.addEventListener(failure, () => {
      hasFailed = true;
      started.terminate();
      for (const { text, resolve } of waiting.splice(0)) resolve(checkPolicy(text));
    });
  }
  return started;
}
