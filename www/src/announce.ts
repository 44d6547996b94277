// What a screen reader is told when something happens that it would not notice by itself.

import { useSyncExternalStore } from "react";

export interface Said {
  id: number;
  text: string;
}

/** What somebody did is said at once. */
const DEED = 100;

/** Long enough for a screen reader to notice; what has been read is not found again on the page. */
const KEPT = 7000;

let said: readonly Said[] = [];
let last = 0;
const waiting = new Map<number, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

/**
 * Says it after what was said before. With a longer delay it is how something stands now: said when that has not changed for
 * so long, since at every key it would be too much. Each such delay has one message waiting, and none takes a deed's place.
 * Gives what takes it back while it waits.
 */
export function announce(text: string, delay = DEED): () => void {
  if (delay > DEED) clearTimeout(waiting.get(delay));
  const timer = setTimeout(() => {
    const message = { id: ++last, text };
    tell([...said, message]);
    setTimeout(() => tell(said.filter((other) => other !== message)), KEPT);
  }, delay);
  if (delay > DEED) waiting.set(delay, timer);
  return () => clearTimeout(timer);
}

export function useAnnouncements(): readonly Said[] {
  return useSyncExternalStore(subscribe, () => said);
}

function tell(now: readonly Said[]): void {
  said = now;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
