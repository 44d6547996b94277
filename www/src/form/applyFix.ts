import type { Finding } from "pullgate";

/** Applies the fix of a finding to an entry. A range of addresses becomes several entries, one for each network. */
export function applyFix(text: string, { fix = "", range }: Finding): string[] {
  return (text.slice(0, range?.startUtf16 ?? 0) + fix + text.slice(range?.endUtf16)).split(", ");
}
