// Follows the recent traffic of the gate.

import { useEffect, useRef, useState } from "react";
import { type RecentRegistry, readGate } from "./gate";

/** Interval between two requests, in milliseconds. */
const POLL_INTERVAL_MS = 2000;

export interface GateTraffic {
  /** Absent before the first answer. */
  registries: RecentRegistry[] | undefined;
  /** False if the daemon does not answer any more. */
  isCurrent: boolean;
}

/** Returns the traffic, as it was when it was last not held: a list that changes under the pointer is hard to press. */
export function useGate(isHeld: boolean): GateTraffic {
  const [traffic, setTraffic] = useState<GateTraffic>({ registries: undefined, isCurrent: true });
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      clearTimeout(timer);
      const registries = document.hidden || held.current ? undefined : await readGate();
      if (gone) return;
      if (registries !== undefined) setTraffic({ registries, isCurrent: true });
      else if (!document.hidden && !held.current) setTraffic(({ registries }) => ({ registries, isCurrent: false }));
      timer = setTimeout(() => void ask(), POLL_INTERVAL_MS);
    };
    void ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  return traffic;
}
