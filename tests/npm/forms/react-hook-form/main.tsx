import { standardSchemaResolver } from "@hookform/resolvers/standard-schema";
import { ready } from "pullgate";
import { policyOf } from "pullgate/schema";
import { createRoot } from "react-dom/client";
import { useFieldArray, useForm, useWatch } from "react-hook-form";
import { EntryNotes } from "../EntryNotes";

interface PolicyForm {
  whitelist: { entry: string; comment: string }[];
}

function Form() {
  const { control, register, handleSubmit, formState } = useForm<PolicyForm>({
    resolver: standardSchemaResolver(policyOf<PolicyForm>()),
    defaultValues: { whitelist: [{ entry: "", comment: "" }] },
  });
  const { fields, append, remove, insert } = useFieldArray({ control, name: "whitelist" });
  const values = useWatch({ control });
  const errors = formState.errors.whitelist;
  const replace = (index: number, entries: string[]) => {
    const comment = values.whitelist?.[index]?.comment ?? "";
    remove(index);
    insert(index, entries.map((entry) => ({ entry, comment })));
  };
  return (
    <form onSubmit={handleSubmit((saved) => (document.title = JSON.stringify(saved)))}>
      {fields.map(({ id }, index) => (
        <div key={id}>
          <input {...register(`whitelist.${index}.entry`)} aria-invalid={errors?.[index]?.entry !== undefined} />
          <EntryNotes
            document={values as PolicyForm}
            list="whitelist"
            index={index}
            onFix={(entries) => replace(index, entries)}
          />
        </div>
      ))}
      <button type="button" onClick={() => append({ entry: "", comment: "" })}>Add</button>
      <button>Save</button>
    </form>
  );
}

await ready();
createRoot(document.getElementById("root")!).render(<Form />);
