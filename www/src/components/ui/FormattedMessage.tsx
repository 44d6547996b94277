/** A message of the module, with quoted input (in backticks) shown as code. */
export function FormattedMessage({ text }: { text: string }) {
  // `bdi` isolates right-to-left names, so that they do not reorder the sentence.
  return text.split("`").map((part, index) =>
    index % 2 === 0 ? part : (
      <bdi key={index}>
        <code>{part}</code>
      </bdi>
    ),
  );
}
