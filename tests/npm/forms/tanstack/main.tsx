import { useForm } from "@tanstack/react-form";
import { ready } from "pullgate";
import { policyOf } from "pullgate/schema";
import { createRoot } from "react-dom/client";
import { EntryNotes } from "../EntryNotes";

interface PolicyForm {
  whitelist: { entry: string; comment: string }[];
}

const defaultValues: PolicyForm = { whitelist: [{ entry: "", comment: "" }] };

function Form() {
  const form = useForm({
    defaultValues,
    validators: { onChange: policyOf<PolicyForm>() },
    onSubmit: ({ value }) => {
      document.title = JSON.stringify(value);
    },
  });
  const replace = (index: number, entries: string[]) => {
    const { whitelist } = form.state.values;
    const rows = entries.map((entry) => ({ entry, comment: whitelist[index]?.comment ?? "" }));
    form.setFieldValue("whitelist", whitelist.toSpliced(index, 1, ...rows));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void form.handleSubmit();
      }}
    >
      <form.Field name="whitelist" mode="array">
        {(list) => list.state.value.map((_, index) => (
          <form.Field key={index} name={`whitelist[${index}].entry`}>
            {(field) => (
              <div>
                <input
                  value={field.state.value}
                  onChange={(event) => field.handleChange(event.target.value)}
                  aria-invalid={field.state.meta.errors.length > 0}
                />
                <form.Subscribe selector={({ values }) => values}>
                  {(values) => (
                    <EntryNotes
                      document={values}
                      list="whitelist"
                      index={index}
                      onFix={(entries) => replace(index, entries)}
                    />
                  )}
                </form.Subscribe>
              </div>
            )}
          </form.Field>
        ))}
      </form.Field>
      <button type="button" onClick={() => form.pushFieldValue("whitelist", { entry: "", comment: "" })}>Add</button>
      <button>Save</button>
    </form>
  );
}

await ready();
createRoot(document.getElementById("root")!).render(<Form />);
