import { policy } from "pullgate/schema";

/** A schema of vee-validate 4 for the values of a form. `policy` itself would be taken for a map of field names. */
export const validationSchema = {
  __type: "VVTypedSchema",
  async parse(values) {
    const { issues = [] } = policy["~standard"].validate(values);
    const errors = issues.map(({ message, path = [] }) => ({ path: path.join("."), errors: [message] }));
    return errors.length > 0 ? { errors } : { value: values, errors };
  },
};
