import { policy } from "pullgate/schema";
import * as v from "valibot";

/** A schema of valibot for the values of a form, with the issues of the policy. */
export const policySchema = v.pipe(
  v.looseObject({}),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { issues = [] } = policy["~standard"].validate(dataset.value);
    for (const { message, path } of issues) addIssue({ message, path: path && pathItems(dataset.value, path) });
  }),
);

// The path of an issue, as valibot has it: each step with the value that it leads from and to.
function pathItems(value, path) {
  return path.map((key) => {
    const input = value;
    value = input?.[key];
    return { type: Array.isArray(input) ? "array" : "object", origin: "value", input, key, value };
  });
}
