// Times of several calls, measured in turns: load on the machine affects all alike, so that their ratios hold.

const MIN_TURNS = 5;
const MAX_DURATION_MS = 30_000;

/** Returns the median time of each call in milliseconds. Calls may return a promise. */
export async function measure(calls, { isQuick }) {
  const [turns, turnMs] = isQuick ? [MIN_TURNS, 1] : [41, 4];
  const repetitions = [];
  for (const call of calls) repetitions.push(await fitting(call, turnMs));
  const times = calls.map(() => []);
  const start = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    if (turn >= MIN_TURNS && performance.now() - start > MAX_DURATION_MS) break;
    for (const [index, call] of calls.entries()) {
      times[index].push((await duration(call, repetitions[index])) / repetitions[index]);
    }
  }
  return times.map((values) => values.toSorted((a, b) => a - b)[values.length >> 1]);
}

/** Returns how often a call fits into a turn, at least once. Counting up also lets the engine optimise the call. */
async function fitting(call, turnMs) {
  let repetitions = 1;
  while ((await duration(call, repetitions)) < turnMs) repetitions *= 2;
  return repetitions;
}

async function duration(call, repetitions) {
  const start = performance.now();
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const result = call();
    // Waiting for what is no promise would be most of the time of a fast call.
    if (result instanceof Promise) await result;
  }
  return performance.now() - start;
}

export function geometricMean(factors) {
  return Math.exp(factors.reduce((sum, factor) => sum + Math.log(factor), 0) / factors.length);
}
