// The application of a finding's fix to the checked text.

/** Returns the text with the range of the finding replaced by its fix, as entries: a range of addresses is several. */
export function applyFix(text, { range, fix }) {
  if (fix === undefined) throw new TypeError("the finding has no `fix`");
  return (text.slice(0, range?.startUtf16 ?? 0) + fix + text.slice(range?.endUtf16)).split(", ");
}
