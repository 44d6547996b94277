// The state of the form, everything derived from it, and its actions.

import { standardSchemaResolver } from "@hookform/resolvers/standard-schema";
import { applyFix, type Finding, type PolicyDocument } from "pullgate";
import { createContext, use, useDeferredValue, useMemo, useState } from "react";
import { type UseFormReturn, useFieldArray, useForm, useWatch } from "react-hook-form";
import { announce } from "../announce";
import { messages } from "../messages";
import { analyse, type PolicyAnalysis } from "./analysis";
import { rowsForMode, textOf, valuesOf } from "./document";
import { split } from "./hostPort";
import { formSchema } from "./schema";
import { blankRow, blankValues, type FormValues, isBlank, type RegistryValues } from "./values";

/** The actions on rows. Each moves the focus to where typing continues. */
export interface FormActions {
  setMode(on: boolean): void;
  add(after: number): void;
  remove(index: number): void;
  paste(index: number, lines: string[]): void;
  fix(index: number, finding: Finding): void;
  enable(index: number): void;
  focus(index: number): void;
  open(document: PolicyDocument): void;
}

export interface PolicyForm {
  form: UseFormReturn<FormValues>;
  /** The React keys of the rows. */
  ids: string[];
  values: FormValues;
  analysis: PolicyAnalysis;
  /** Whether the values have changed since the analysis, which follows them a moment later. */
  isStale: boolean;
  actions: FormActions;
  /** The row to focus once it is rendered. */
  focused: { row: number } | undefined;
}

export const PolicyFormContext = createContext<PolicyForm | undefined>(undefined);

export function usePolicy(): PolicyForm {
  const policy = use(PolicyFormContext);
  if (policy === undefined) throw new Error("there is no form around this");
  return policy;
}

export function usePolicyForm(): PolicyForm {
  // `analyse` checks at every key press, for more than errors. The resolver guards copying and downloading.
  const form = useForm<FormValues>({
    defaultValues: blankValues(),
    resolver: standardSchemaResolver(formSchema),
    mode: "onSubmit",
    reValidateMode: "onSubmit",
    shouldFocusError: false,
  });
  const { control } = form;
  const { fields, insert, remove, replace, update } = useFieldArray({ control, name: "rows" });
  const values = useWatch({ control }) as FormValues;
  // With thousands of rows a check may take longer than a key press: deferred, it does not block typing.
  const checked = useDeferredValue(values);
  const analysis = useMemo(() => analyse(checked), [checked]);
  const [focused, setFocused] = useState<PolicyForm["focused"]>();

  const actions = useMemo((): FormActions => {
    const rows = () => form.getValues("rows");
    const focus = (row: number) => setFocused({ row });
    const set = (index: number, text: string) => update(index, { ...rows()[index]!, ...fieldsOf(text) });
    const fieldsOf = (text: string): Pick<RegistryValues, "entry" | "port"> => {
      if (form.getValues("whitelistMode")) return { entry: text, port: "" };
      const { host, port } = split(text);
      return { entry: host, port };
    };
    const more = (after: number, entries: string[]) =>
      insert(after + 1, entries.map((text) => ({ ...blankRow(rows()[after]!.insecure), ...fieldsOf(text) })), {
        shouldFocus: false,
      });
    return {
      focus,
      setMode(on) {
        replace(rowsForMode(rows(), on));
        form.setValue("whitelistMode", on, { shouldDirty: true });
        announce(on ? messages.registries.turnedOn : messages.registries.turnedOff);
      },
      add(after) {
        more(after, [""]);
        focus(after + 1);
        announce(messages.registries.added);
      },
      remove(index) {
        const shown = rows().flatMap((row, at) => (form.getValues("whitelistMode") || row.insecure ? [at] : []));
        if (shown.length === 1) {
          update(index, blankRow(rows()[index]!.insecure));
          focus(index);
          announce(messages.registries.cleared);
          return;
        }
        const at = shown.indexOf(index);
        const next = shown[at + 1] ?? shown[at - 1] ?? 0;
        remove(index);
        focus(next > index ? next - 1 : next);
        announce(messages.registries.removed);
      },
      paste(index, lines) {
        const [first, ...others] = isBlank(rows()[index]!) ? lines : [textOf(rows()[index]!), ...lines];
        set(index, first ?? "");
        more(index, others);
        focus(index + others.length);
        announce(messages.registries.addedMany(lines.length));
      },
      fix(index, finding) {
        const [first = "", ...others] = applyFix(textOf(rows()[index]!), finding);
        set(index, first);
        if (others.length > 0) more(index, others);
        focus(index);
        announce(messages.findings.fixed);
      },
      enable(index) {
        const { enabled: _, ...row } = rows()[index]!;
        update(index, row);
        focus(index);
        announce(messages.registries.enabled);
      },
      open(document) {
        form.reset(valuesOf(document));
      },
    };
  }, [form, insert, remove, replace, update]);

  const ids = useMemo(() => fields.map(({ id }) => id), [fields]);
  const isStale = checked !== values;
  return useMemo(
    () => ({ form, ids, values, analysis, isStale, actions, focused }),
    [form, ids, values, analysis, isStale, actions, focused],
  );
}
