// Whether the form has changes that are nowhere else, and what keeps them: a draft, and a question before leaving.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { documentOf } from "../../form/document";
import { removeDraft, storeDraft } from "../../form/draft";
import type { PolicyForm } from "../../form/usePolicyForm";
import type { FormValues } from "../../form/values";
import type { DaemonPolicy } from "../useDaemonPolicy";

/** Pause after a change before the draft is stored, in milliseconds. */
const STORE_DELAY_MS = 500;

export interface Unsaved {
  /** True if neither the daemon's policy nor a file is what the form has. */
  isUnsaved: boolean;
  /** Marks the current values as saved, in a file. */
  markSaved: () => void;
}

export function useUnsaved(policy: PolicyForm, { relation, base }: DaemonPolicy, isRestored: boolean): Unsaved {
  const { values, analysis, isStale, getValues } = policy;
  const [saved, setSaved] = useState<FormValues | undefined>(isRestored ? undefined : values);
  const savedText = useMemo(() => saved && JSON.stringify(documentOf(saved).document), [saved]);
  const isUnsaved = relation !== "same" && values !== saved && (isStale || analysis.text !== savedText);

  const store = useRef<(() => void) | undefined>(undefined);
  useEffect(() => {
    const draft = { time: Date.now(), ...(base !== undefined && { base }), values };
    store.current = isUnsaved ? () => void storeDraft(draft) : removeDraft;
    const timer = setTimeout(() => store.current?.(), STORE_DELAY_MS);
    return () => clearTimeout(timer);
  }, [values, isUnsaved, base]);

  useEffect(() => {
    const leave = () => store.current?.();
    addEventListener("pagehide", leave);
    return () => removeEventListener("pagehide", leave);
  }, []);

  useEffect(() => {
    if (!isUnsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isUnsaved]);

  const markSaved = useCallback(() => setSaved(getValues()), [getValues]);
  return { isUnsaved, markSaved };
}
