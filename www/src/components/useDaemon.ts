// Looks for the daemon once, and opens its policy where nobody has typed anything yet.

import { useEffect, useRef, useState } from "react";
import { type Daemon, findDaemon } from "../daemon/daemon";
import { type Opened, open } from "../formats/open";
import type { PolicyForm } from "../form/usePolicyForm";

export interface DaemonState {
  daemon: Daemon | undefined;
  /** Whether the form began with its policy. */
  opened: boolean;
  /** Opens it, whatever is in the form. */
  openCurrent: () => Opened | undefined;
}

export function useDaemon({ form, values, actions }: PolicyForm): DaemonState {
  const [daemon, setDaemon] = useState<Daemon>();
  const [opened, setOpened] = useState(false);
  const untouched = useRef(true);
  untouched.current &&= !form.formState.isDirty && values.rows.every(({ entry }) => entry === "");

  const openPolicyOf = (found: Daemon): Opened | undefined => {
    if (found.current === undefined) return undefined;
    const read = open(JSON.stringify(found.current.policy));
    if (read.ok) actions.open(read.document);
    setOpened(read.ok);
    return read;
  };

  useEffect(() => {
    let gone = false;
    void findDaemon().then((found) => {
      if (gone || found === undefined) return;
      setDaemon(found);
      if (untouched.current) openPolicyOf(found);
    });
    return () => {
      gone = true;
    };
  }, []);

  return { daemon, opened, openCurrent: () => daemon && openPolicyOf(daemon) };
}
