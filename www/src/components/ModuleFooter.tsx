// Which module runs here, and whether the daemon runs the same.

import { moduleDigest, version } from "pullgate";
import { useState } from "react";
import type { Daemon } from "../daemon/daemon";
import { texts } from "../messages";
import { Icon } from "./ui/Icon";

export function ModuleFooter({ daemon }: { daemon: Daemon | "locked" | undefined }) {
  // Once: while the module does not work, it has no version to tell, and the page has to go on.
  const [running] = useState(version);
  // Of the bytes that were loaded, not of those that were meant to be.
  const digest = moduleDigest();
  const say = texts.module;
  return (
    <footer className="module">
      <p>
        {say.version} {running} · {say.digest}
      </p>
      <p>
        <code className="module-digest">{digest ?? say.unknown}</code>
      </p>
      <ul className="module-checks">
        {digest !== undefined && (
          <Check good={digest === PACKAGE_DIGEST} text={digest === PACKAGE_DIGEST ? say.asPackage : say.notAsPackage} />
        )}
        {daemon === undefined || daemon === "locked" ? (
          <li>{daemon === "locked" ? say.locked : say.noDaemon}</li>
        ) : (
          digest !== undefined && (
            <Check
              good={digest === daemon.sha256}
              text={digest === daemon.sha256 ? say.sameAsDaemon : say.otherThanDaemon(daemon.version)}
            />
          )
        )}
      </ul>
    </footer>
  );
}

function Check({ good, text }: { good: boolean; text: string }) {
  return (
    <li data-good={good}>
      <Icon name={good ? "check" : "warning"} />
      {text}
    </li>
  );
}
