// A message of the module: what stands in backticks in it was written by somebody, and looks like it.

export function FormattedMessage({ text }: { text: string }) {
  // `bdi` keeps names that are written from right to left from turning the sentence around.
  return text.split("`").map((part, index) =>
    index % 2 === 0 ? part : (
      <bdi key={index}>
        <code>{part}</code>
      </bdi>
    ),
  );
}
