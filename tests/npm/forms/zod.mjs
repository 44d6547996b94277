import { policy } from "pullgate/schema";
import { z } from "zod";

/** A schema of zod for the values of a form, with the issues of the policy. */
export const policySchema = z.looseObject({}).superRefine((values, context) => {
  const { issues = [] } = policy["~standard"].validate(values);
  for (const { message, path = [], ...params } of issues) {
    context.addIssue({ code: "custom", message, path: [...path], params });
  }
});
