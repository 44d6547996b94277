// The validator of the form: the package's policy validator, with issues mapped to the fields of the form.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { policy } from "pullgate/schema";
import { documentOf, type RowIndexes } from "./document";
import type { FormValues } from "./values";

type FieldPath = readonly (string | number)[];

export const formSchema: StandardSchemaV1<FormValues, FormValues> = {
  "~standard": {
    version: 1,
    vendor: "pullgate-page",
    validate: (value) => {
      const values = value as FormValues;
      const { document, rowIndexes } = documentOf(values);
      const result = policy["~standard"].validate(document);
      if (result.issues === undefined) return { value: values };
      return { issues: result.issues.map(({ message, path = [] }) => ({ message, path: fieldOf(path, rowIndexes) })) };
    },
  },
};

/** Maps a path in the document to the field that shows it, or to `preserved`. */
export function fieldOf([member, index, inside, inner]: FieldPath, rowIndexes: RowIndexes): FieldPath {
  if (typeof index !== "number") return ["preserved"];
  switch (member) {
    case "whitelist":
    case "insecure":
      return ["rows", rowIndexes[member][index] ?? 0, "entry"];
    case "certificate_authorities":
      if (inside !== "registries" || typeof inner !== "number") return ["authorities", index, "pem"];
      return ["authorities", index, "registries", rowIndexes.registries[index]?.[inner] ?? 0, "entry"];
    default:
      return ["preserved"];
  }
}
