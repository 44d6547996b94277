// React Hook Form accepts the policy validator, and infers the names of the fields from it.

import { standardSchemaResolver } from "@hookform/resolvers/standard-schema";
import type { PolicyDocument } from "pullgate";
import { policy } from "pullgate/schema";
import { useForm } from "react-hook-form";

export function usePolicyForm(): string | undefined {
  const { formState, register } = useForm<PolicyDocument>({ resolver: standardSchemaResolver(policy) });
  register("whitelist.0");
  register("match_resolved_addresses");
  // @ts-expect-error: there is no such member
  register("whitelst.0");
  return formState.errors.whitelist?.[0]?.message;
}
