// Finds the daemon once, and opens its policy if the form is untouched.

import { useEffect, useMemo, useRef, useState } from "react";
import { type DaemonInfo, findDaemon } from "../daemon/daemon";
import { documentOf, valuesOf } from "../form/document";
import type { PolicyForm } from "../form/usePolicyForm";
import { blankValues, isBlank } from "../form/values";
import { openPolicy, type OpenResult } from "../formats/openPolicy";

export interface DaemonState {
  daemon: DaemonInfo | undefined;
  /** True if the daemon requires authentication. */
  isLocked: boolean;
  /** The daemon's policy in JSON, as written by the form. */
  text: string | undefined;
  /** Opens the daemon's policy, in place of the form's content. */
  openCurrent: () => OpenResult | undefined;
}

export function useDaemon({ form, values, actions }: PolicyForm, hasOpened: boolean): DaemonState {
  const [found, setFound] = useState<DaemonInfo | "locked">();
  const daemon = found === "locked" ? undefined : found;
  const untouched = useRef(true);
  // An opened policy is not "dirty", and may have no rows.
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
