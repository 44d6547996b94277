// How the form stands to the policy that the daemon decides by, which it follows while nothing is edited.

import { useEffect, useRef } from "react";
import { announce } from "../announce";
import { valuesOf } from "../form/document";
import type { Draft } from "../form/draft";
import type { PolicyForm } from "../form/usePolicyForm";
import { openPolicy, type OpenResult } from "../formats/openPolicy";
import { messages } from "../messages";
import type { DaemonState } from "./useDaemon";

export interface DaemonPolicy {
  /** `changed`: the daemon's policy is another one than the form's edits began with. */
  relation: "same" | "edited" | "changed" | "unknown";
  /** The `ETag` of the daemon's policy that the form was last the same as. */
  base: string | undefined;
  /** Opens the daemon's policy, in place of the form's content. */
  openCurrent: () => OpenResult | undefined;
}

export function useDaemonPolicy(policy: PolicyForm, { current, text }: DaemonState, draft: Draft | undefined): DaemonPolicy {
  const { analysis, actions, undoable, redoable } = policy;
  const known = useRef(draft?.base);
  const seen = useRef<string>(undefined);
  const formText = analysis.canonicalText ?? analysis.text;
  const isUntouched = undoable === undefined && redoable === undefined && draft === undefined;
  const isSame = text !== undefined && formText === text;
  if (isSame && current) known.current = current.etag;

  useEffect(() => {
    if (current === undefined || text === undefined || seen.current === text) return;
    const wasSame = seen.current !== undefined && formText === seen.current;
    const isFirst = seen.current === undefined && isUntouched;
    seen.current = text;
    if ((!wasSame && !isFirst) || isSame) {
      known.current ??= current.etag;
      return;
    }
    const opened = openPolicy(JSON.stringify(current.policy));
    if (!opened.ok) return;
    if (isFirst) return actions.start(valuesOf(opened.document));
    const label = messages.daemon.followed(current.generation);
    actions.edit(() => valuesOf(opened.document), { label, isDestructive: true });
    announce(label);
  });

  const openCurrent = () => {
    const opened = current && openPolicy(JSON.stringify(current.policy));
    if (opened?.ok) actions.open(opened.document);
    return opened;
  };
  const relation =
    current === undefined || text === undefined
      ? "unknown"
      : isSame
        ? "same"
        : known.current !== undefined && known.current !== current.etag
          ? "changed"
          : "edited";
  return { relation, base: known.current, openCurrent };
}
