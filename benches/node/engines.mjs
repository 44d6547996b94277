// Decisions beside Cedar and OPA, both compiled to WebAssembly. They are given host, port and address, parsed already;
// pullgate is given the image reference.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import opa from "@open-policy-agent/opa-wasm";
import { loadPolicy } from "../../pkg/inline.js";
import { geometricMean, measure } from "./stopwatch.mjs";

const SIZES = [4, 1_000];
// The policies of Cedar are parsed once, and kept under this name.
const CEDAR_POLICIES = "registries";

export async function measureEngines({ isQuick, runner, opaWasm }) {
  const rows = [];
  let columns;
  for (const entries of SIZES) {
    const inputs = JSON.parse(execFileSync(runner, ["--inputs", String(entries)], { maxBuffer: 1 << 28 }));
    columns = ["engine", "entries", ...inputs.accesses.map(({ name }) => `${name}, µs`), "of pullgate, geometric mean"];
    const engines = [pullgate(inputs), cedarWasm(inputs)];
    if (opaWasm !== "") engines.push(await opaModule(inputs, readFileSync(opaWasm)));
    for (const { name, isAllowed } of engines) {
      for (const access of inputs.accesses) {
        if (isAllowed(access) !== access.allowed) throw new Error(`${name} decides ${access.reference} differently`);
      }
    }
    const calls = engines.flatMap(({ isAllowed }) => inputs.accesses.map((access) => () => isAllowed(access)));
    const times = await measure(calls, { isQuick });
    const count = inputs.accesses.length;
    const own = times.slice(0, count);
    for (const [index, { name }] of engines.entries()) {
      const each = times.slice(index * count, (index + 1) * count);
      const factor = geometricMean(each.map((time, access) => time / own[access]));
      rows.push([name, entries, ...each.map((time) => time * 1_000), factor]);
    }
  }
  return { columns, rows };
}

function pullgate({ document }) {
  const loaded = loadPolicy(document);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.findings));
  const { decide } = loaded.policy;
  return { name: "pullgate", isAllowed: ({ reference }) => decide(reference).decision === "allow" };
}

function cedarWasm({ cedarPolicies }) {
  const parsed = cedar.preparsePolicySet(CEDAR_POLICIES, { staticPolicies: cedarPolicies });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  const isAllowed = ({ host, port, address }) => {
    const context = { host, port };
    if (address !== null) context.address = { __extn: { fn: "ip", arg: address } };
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Node", id: "worker" },
      action: { type: "Action", id: "pull" },
      resource: { type: "Registry", id: host },
      context,
      preparsedPolicySetId: CEDAR_POLICIES,
      entities: [],
    });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer));
    return answer.response.decision === "allow";
  };
  return { name: "@cedar-policy/cedar-wasm", isAllowed };
}

async function opaModule({ regoData }, wasm) {
  const policy = await opa.loadPolicy(wasm);
  policy.setData(regoData);
  const isAllowed = ({ host, port, address }) => {
    const input = address === null ? { host, port } : { host, port, address };
    return policy.evaluate(input)[0]?.result === true;
  };
  return { name: "OPA, compiled to WebAssembly", isAllowed };
}
