// Notices of the daemon: that the form holds its policy or can open it, and that it enforces nothing.

import { useDeferredValue } from "react";
import { Button } from "react-aria-components/Button";
import { usePolicy } from "../form/usePolicyForm";
import { messages } from "../messages";
import type { DaemonState } from "./useDaemon";

export function DaemonNotice({ daemon, text, onOpen }: Pick<DaemonState, "daemon" | "text"> & { onOpen: () => void }) {
  const { analysis } = usePolicy();
  // Deferred like the analysis, so that the offer does not flash up in between.
  const current = useDeferredValue(daemon)?.current;
  if (current === undefined) return null;
  const t = messages.daemon;
  const isOpen = analysis.text === text;
  return (
    <div className="notice" data-severity="info">
      <p className="notice-text">{isOpen ? t.loaded(current.generation) : t.offer(current.generation)}</p>
      {!isOpen && (
        <Button className="button small" onPress={onOpen}>
          {t.open}
        </Button>
      )}
    </div>
  );
}

/** Warning that some frontends of the daemon refuse nothing. */
export function EnforcementNotice({ daemon }: Pick<DaemonState, "daemon">) {
  if (daemon === undefined || daemon.unenforced.length === 0) return null;
  return (
    <div className="notice" data-severity="warning">
      <p className="notice-text">{messages.daemon.unenforced(daemon.unenforced)}</p>
    </div>
  );
}
