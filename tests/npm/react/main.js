// A form with React Hook Form, validated at every key press.

import { standardSchemaResolver } from "@hookform/resolvers/standard-schema";
import { ready } from "pullgate";
import { policy } from "pullgate/schema";
import { createElement as h } from "react";
import { createRoot } from "react-dom/client";
import { useForm } from "react-hook-form";

function Form() {
  const { register, handleSubmit, formState } = useForm({
    resolver: standardSchemaResolver(policy),
    mode: "onChange",
    defaultValues: { whitelist: [{ entry: "", comment: "" }] },
  });
  const submit = (values) => {
    document.title = JSON.stringify(values);
  };
  return h(
    "form",
    { onSubmit: handleSubmit(submit) },
    h("input", register("whitelist.0.entry")),
    h("p", { role: "alert" }, formState.errors.whitelist?.[0]?.entry?.message),
    h("button", null, "Save"),
  );
}

await ready();
createRoot(document.getElementById("root")).render(h(Form));
