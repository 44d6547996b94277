// Says that the form began with the daemon's policy, or offers it.

import { Button } from "react-aria-components/Button";
import { texts } from "../texts";
import type { DaemonState } from "./useDaemon";

export function DaemonNotice({ daemon, opened, onOpen }: Pick<DaemonState, "daemon" | "opened"> & { onOpen: () => void }) {
  if (daemon?.current === undefined) return null;
  const say = texts.daemon;
  const { generation } = daemon.current;
  return (
    <div className="notice" data-weight="info">
      <p className="notice-text">{opened ? say.loaded(generation) : say.offer(generation)}</p>
      {!opened && (
        <Button className="button small" onPress={onOpen}>
          {say.open}
        </Button>
      )}
    </div>
  );
}
