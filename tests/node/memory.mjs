// How the tests of memory call and measure.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// The collector, so that what is measured is what is kept.
setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc");

// A stack for each of a million errors would take longer than the calls.
Error.stackTraceLimit = 0;

/** Makes the calls in turn, so many in all. They may throw a `TypeError`, and nothing else. */
export function run(calls, times) {
  for (let time = 0; time < times; time++) {
    try {
      calls[time % calls.length]();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** The bytes that the module's memory has, and those that JavaScript keeps. */
export function measure(memory) {
  collect();
  return [memory.buffer.byteLength, process.memoryUsage().heapUsed];
}
