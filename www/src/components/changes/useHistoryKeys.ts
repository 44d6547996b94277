// Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y, with Command on a Mac.

import { useEffect } from "react";
import type { FormActions } from "../../form/usePolicyForm";

/** Fields whose text is not part of the form, where the browser undoes typing. */
const OTHER_FIELDS = "input, textarea, select, [contenteditable], dialog, dialog *";
/** Fields of the form, by an attribute of what is around them. */
const FORM_FIELDS = "[data-history] :not(textarea)";

export function useHistoryKeys({ undo, redo }: FormActions): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
      const { target } = event;
      if (document.querySelector("dialog[open]")) return;
      if (target instanceof Element && target.matches(OTHER_FIELDS) && !target.matches(FORM_FIELDS)) return;
      event.preventDefault();
      if (key === "z" && !event.shiftKey) undo();
      else redo();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [undo, redo]);
}
