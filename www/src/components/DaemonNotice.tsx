// Notices of the daemon: how the form stands to its policy, and that it enforces nothing.

import { memo, useDeferredValue } from "react";
import { Button } from "react-aria-components/Button";
import { unenforcedFrontends } from "../daemon/daemon";
import { messages } from "../messages";
import { TokenForm } from "./TokenForm";
import type { DaemonState } from "./useDaemon";
import type { DaemonPolicy } from "./useDaemonPolicy";

interface Props {
  daemon: DaemonState;
  relation: DaemonPolicy["relation"];
  onOpen: () => void;
  onReview: () => void;
}

export const DaemonNotice = memo(function DaemonNotice({ daemon, relation: now, onOpen, onReview }: Props) {
  const { status, current } = daemon;
  // Deferred like the analysis, so that the offer does not flash up in between.
  const relation = useDeferredValue(now);
  const t = messages.daemon;
  if (status === "locked") {
    return (
      <div className="notice" data-severity="warning">
        <div className="notice-text">
          <p>{t.locked}</p>
          <TokenForm onToken={daemon.authenticate} />
        </div>
      </div>
    );
  }
  if (status === "lost") {
    return (
      <div className="notice" data-severity="warning" role="status">
        <p className="notice-text">{t.lost}</p>
      </div>
    );
  }
  if (status !== "found" || current === undefined || relation === "unknown") return null;
  return (
    <div className="notice" data-severity={relation === "changed" ? "warning" : "info"} role="status">
      <p className="notice-text">
        {relation === "same" ? t.loaded(current.generation) : t[relation](current.generation)}
      </p>
      {relation !== "same" && (
        <div className="notice-buttons">
          <Button className="button small" onPress={onReview}>
            {t.differs}
          </Button>
          <Button className="button small" onPress={onOpen}>
            {t.open}
          </Button>
        </div>
      )}
    </div>
  );
});

/** Warning that some frontends of the daemon refuse nothing. */
export function EnforcementNotice({ daemon }: Pick<DaemonState, "daemon">) {
  const frontends = daemon === undefined ? [] : unenforcedFrontends(daemon);
  if (frontends.length === 0) return null;
  return (
    <div className="notice" data-severity="warning">
      <p className="notice-text">{messages.daemon.unenforced(frontends)}</p>
    </div>
  );
}
