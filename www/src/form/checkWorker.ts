// A worker with a module of its own, which checks large policies while the page takes keys.

import { checkPolicy, ready } from "pullgate";

const loading = ready();

addEventListener("message", async ({ data: text }: MessageEvent<string>) => {
  await loading;
  postMessage(checkPolicy(text));
});
