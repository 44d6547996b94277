// What a fix makes of an entry.

import type { Finding } from "pullgate";

/** The entries in place of a text. A range of addresses becomes several networks, and each is an entry. */
export function applyFix(text: string, { fix = "", range }: Finding): string[] {
  return (text.slice(0, range?.startUtf16 ?? 0) + fix + text.slice(range?.endUtf16)).split(", ");
}
