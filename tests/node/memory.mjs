// Calls and measurement for the memory tests.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Exposes the garbage collector, so that only live memory is measured.
setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc");

// Stack traces of a million errors would take longer than the calls.
Error.stackTraceLimit = 0;

/** Makes `times` calls in turn. They may throw a `TypeError`, and nothing else. */
export function run(calls, times) {
  for (let time = 0; time < times; time++) {
    try {
      calls[time % calls.length]();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** Returns the size of the module's memory and of the JavaScript heap, in bytes, after garbage collection. */
export function measure(memory) {
  collect();
  return [memory.buffer.byteLength, process.memoryUsage().heapUsed];
}
