// A daemon that follows the HTTP API of the policy, in memory: `ETag`, `If-None-Match`, `If-Match` and the token.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const wasm = readFileSync(new URL("../../pkg/dist/pullgate_bg.wasm", import.meta.url));

export const TOKEN = "CorrectHorseBatteryStaple";

export class FakeDaemon {
  generation = 1;
  /** The next response to `PUT`, in place of the right one. */
  refusal;
  isDown = false;

  constructor(policy) {
    this.policy = policy;
  }

  /** Puts another policy into effect, as an edit of the file does. */
  set(policy) {
    this.policy = policy;
    this.generation += 1;
  }

  get etag() {
    return `"${createHash("sha256").update(JSON.stringify(this.policy)).digest("hex")}"`;
  }

  /** The responses, for the page's server. */
  get responses() {
    const whenUp = (answer) => (...call) => (this.isDown ? { status: 502, text: "no daemon" } : answer(...call));
    return {
      "v1/module": whenUp(() => ({ sha256: createHash("sha256").update(wasm).digest("hex"), version: "0.1.0" })),
      "v1/daemon": whenUp(() => ({ enforcement: { docker: "deny" }, allowPolicyUpdates: true })),
      "v1/policy": whenUp((body, request) => (request.method === "PUT" ? this.#put(body, request) : this.#get(request))),
    };
  }

  #get({ headers }) {
    const identity = { etag: this.etag, "pullgate-generation": String(this.generation) };
    if (headers["if-none-match"] === this.etag) return { status: 304, bytes: "", headers: identity };
    return this.#current(identity);
  }

  #put(body, { headers }) {
    if (this.refusal) return error(...this.refusal);
    if (headers.authorization !== `Bearer ${TOKEN}`) return error(401, "unauthorized", "this needs the bearer token");
    if (headers["if-match"] !== this.etag) return error(412, "another-policy", "the policy is another one");
    this.set(body);
    return this.#current({ etag: this.etag });
  }

  #current(headers) {
    const body = { generation: this.generation, sha256: "", policy: this.policy };
    return { bytes: JSON.stringify(body), type: "application/json", headers };
  }
}

function error(status, code, message) {
  return { status, bytes: JSON.stringify({ code, message }), type: "application/json" };
}
