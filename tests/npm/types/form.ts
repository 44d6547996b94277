// Form libraries accept the validators, and infer the names and types of the fields from the form's own type.

import { standardSchemaResolver } from "@hookform/resolvers/standard-schema";
import { useForm as useTanStackForm } from "@tanstack/react-form";
import type { PolicyDocument } from "pullgate";
import { policy, policyOf } from "pullgate/schema";
import { useForm } from "react-hook-form";

interface RowsForm {
  whitelist: { entry: string; comment: string }[];
  match_resolved_addresses: boolean;
}

interface TextForm {
  whitelist: string[];
}

export function useDocumentForm(): string | undefined {
  const { formState, register } = useForm<PolicyDocument>({ resolver: standardSchemaResolver(policy) });
  register("whitelist.0");
  register("match_resolved_addresses");
  // @ts-expect-error: there is no such member
  register("whitelst.0");
  return formState.errors.whitelist?.[0]?.message;
}

export function useRowsForm(): string | undefined {
  const { formState, register } = useForm<RowsForm>({ resolver: standardSchemaResolver(policyOf<RowsForm>()) });
  register("whitelist.0.entry");
  // @ts-expect-error: a row has no such field
  register("whitelist.0.entyr");
  return formState.errors.whitelist?.[0]?.entry?.message;
}

export function useTextForm(): void {
  const defaultValues: TextForm = { whitelist: [""] };
  const form = useTanStackForm({ defaultValues, validators: { onChange: policyOf<TextForm>() } });
  form.setFieldValue("whitelist[0]", "a.example.com");
  // @ts-expect-error: there is no such member
  form.setFieldValue("whitelst[0]", "a.example.com");
}

// @ts-expect-error: values that are no policy
policyOf<{ whitelist: number[] }>();
