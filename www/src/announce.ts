// What a screen reader is told when something happens that it would not notice by itself.

import { useSyncExternalStore } from "react";

let said = "";
let waiting: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

/** Says it, unless something else is to be said before `delay` is over. */
export function announce(text: string, delay = 100): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    // The same text twice would not be read out twice: a no-break space makes it another.
    said = text === said ? `${text}\u00a0` : text;
    for (const listener of listeners) listener();
  }, delay);
}

export function useAnnouncement(): string {
  return useSyncExternalStore(subscribe, () => said);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
