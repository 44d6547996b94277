// Looks for the daemon once, and opens its policy where nobody has typed or opened anything yet.

import { useEffect, useMemo, useRef, useState } from "react";
import { type DaemonInfo, findDaemon } from "../daemon/daemon";
import { documentOf, valuesOf } from "../form/document";
import type { PolicyForm } from "../form/usePolicyForm";
import { blankValues, isBlank } from "../form/values";
import { openPolicy, type OpenResult } from "../formats/openPolicy";

export interface DaemonState {
  daemon: DaemonInfo | undefined;
  /** Whether there is a daemon that lets nobody in who has no token. */
  isLocked: boolean;
  /** Its policy, as the form would write it. */
  text: string | undefined;
  /** Opens its policy, whatever is in the form. */
  openCurrent: () => OpenResult | undefined;
}

export function useDaemon({ form, values, actions }: PolicyForm, hasOpened: boolean): DaemonState {
  const [found, setFound] = useState<DaemonInfo | "locked">();
  const daemon = found === "locked" ? undefined : found;
  const untouched = useRef(true);
  // What was opened is not "dirty", and may have no rows.
  untouched.current &&=
    !hasOpened &&
    !form.formState.isDirty &&
    values.whitelistMode &&
    values.rows.every(isBlank) &&
    values.authorities.length === 0 &&
    values.preserved === blankValues().preserved;

  useEffect(() => {
    let gone = false;
    void findDaemon().then((found) => {
      if (gone || found === undefined) return;
      setFound(found);
      const read = found === "locked" ? undefined : policyOf(found);
      if (untouched.current && read?.ok) actions.open(read.document);
    });
    return () => {
      gone = true;
    };
  }, []);

  const text = useMemo(() => {
    const read = daemon && policyOf(daemon);
    return read?.ok ? JSON.stringify(documentOf(valuesOf(read.document)).document) : undefined;
  }, [daemon]);
  const openCurrent = () => {
    const read = daemon && policyOf(daemon);
    if (read?.ok) actions.open(read.document);
    return read;
  };
  return { daemon, isLocked: found === "locked", text, openCurrent };
}

function policyOf({ current }: DaemonInfo): OpenResult | undefined {
  return current && openPolicy(JSON.stringify(current.policy));
}
