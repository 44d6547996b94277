// Identity of the running module, compared with the package and the daemon.

import { moduleDigest, version } from "pullgate";
import { memo, useState } from "react";
import { messages } from "../messages";
import { Icon } from "./ui/Icon";
import type { DaemonState } from "./useDaemon";

export const ModuleFooter = memo(function ModuleFooter({ status, daemon }: Pick<DaemonState, "status" | "daemon">) {
  // Read once: `version` throws while the module fails, and the page has to go on.
  const [running] = useState(version);
  // The digest of the loaded bytes, not of the expected ones.
  const digest = moduleDigest();
  const t = messages.module;
  return (
    <footer className="module">
      <p>
        {t.version} {running} · {t.digest}
      </p>
      <p>
        <code className="module-digest">{digest ?? t.unknown}</code>
      </p>
      <ul className="module-checks">
        {digest !== undefined && (
          <Check good={digest === PACKAGE_DIGEST} text={digest === PACKAGE_DIGEST ? t.asPackage : t.notAsPackage} />
        )}
        {daemon === undefined ? (
          status !== "searching" && <li>{status === "locked" ? t.locked : t.noDaemon}</li>
        ) : (
          digest !== undefined && (
            <Check
              good={digest === daemon.sha256}
              text={digest === daemon.sha256 ? t.sameAsDaemon : t.otherThanDaemon(daemon.version)}
            />
          )
        )}
      </ul>
    </footer>
  );
});

function Check({ good, text }: { good: boolean; text: string }) {
  return (
    <li data-good={good}>
      <Icon name={good ? "check" : "warning"} />
      {text}
    </li>
  );
}
