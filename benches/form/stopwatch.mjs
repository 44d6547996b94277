// Measurements that run in the page.

/** Types into the field as soon as it exists, and records the time of the first error message. */
export function firstKeystroke({ field, error }) {
  const attempt = () => {
    const input = document.querySelector(field);
    if (document.querySelector(error)?.textContent) {
      window.validatedAt = performance.now();
      return;
    }
    if (input) type(input, input.value === "-" ? "-." : "-");
    requestAnimationFrame(attempt);
  };
  requestAnimationFrame(attempt);

  // Sets the value as a key press does, through the setter that React observes.
  function type(input, text) {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Returns the median time from a key press to its error message, in milliseconds. */
export async function keystroke({ field, error }) {
  const input = document.querySelector(field);
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const times = [];
  for (let turn = 0; turn < 60; turn += 1) {
    const text = turn % 2 === 0 ? `10.2.2/2${turn}` : `harbor.example.com:${70_000 + turn}`;
    const before = document.querySelector(error)?.textContent ?? "";
    const started = performance.now();
    set.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    // React may render in a later task.
    while ((document.querySelector(error)?.textContent ?? "") === before) await new Promise((go) => setTimeout(go));
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** Returns the minimum time to check one entry, and one certificate, in microseconds. */
export function checks({ entries, pem }) {
  const least = (rounds, count, call) => {
    let best = Infinity;
    for (let round = 0; round < rounds; round += 1) {
      const started = performance.now();
      for (let turn = 0; turn < count; turn += 1) call(turn);
      best = Math.min(best, ((performance.now() - started) / count) * 1000);
    }
    return best;
  };
  const { check, read } = window.bench;
  if (read(pem) !== 1) throw new Error("the certificate was not read");
  return {
    entry: least(50, 2000, (turn) => check(entries[turn % entries.length])),
    certificate: least(30, 50, () => read(pem)),
  };
}
