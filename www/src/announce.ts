// Announcements for screen readers, in the polite live region of React Aria.

import { announce as announceNow } from "@react-aria/live-announcer";

/** States that change at every key press. Each has at most one announcement pending, so none delays another. */
type AnnouncedState = "finding" | "decision";

/** Quiet period before an announcement, in milliseconds. A finding is about text still being typed: it waits longer. */
const SETTLE_MS: Record<AnnouncedState, number> = { finding: 700, decision: 500 };

const pending = new Map<AnnouncedState, ReturnType<typeof setTimeout>>();

/** Announces the outcome of an action, after what the screen reader is reading. */
export function announce(message: string): void {
  announceNow(message, "polite");
}

/** Announces a state once it has not changed for its quiet period. Returns a function that cancels it. */
export function announceSettled(state: AnnouncedState, message: string): () => void {
  clearTimeout(pending.get(state));
  const timer = setTimeout(announce, SETTLE_MS[state], message);
  pending.set(state, timer);
  return () => clearTimeout(timer);
}
