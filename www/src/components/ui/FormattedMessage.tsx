import { messages } from "../../messages";

interface FormattedMessageProps {
  text: string;
  /** True for a message about a file, which has members. The form has fields in their place. */
  isAboutFile?: boolean;
}

/** A message of the module, with quoted input (in backticks) shown as code, and names of members as those of fields. */
export function FormattedMessage({ text, isAboutFile = false }: FormattedMessageProps) {
  return text.split("`").map((part, index) => {
    if (index % 2 === 0) return part;
    const field = isAboutFile ? undefined : messages.fields.get(part);
    if (field !== undefined) return `“${field}”`;
    // `bdi` isolates right-to-left names, so that they do not reorder the sentence.
    return (
      <bdi key={index}>
        <code>{part}</code>
      </bdi>
    );
  });
}
