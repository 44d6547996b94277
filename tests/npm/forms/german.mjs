import { checkEntry } from "pullgate";

// What the finding is about is the text in its range; what to write instead is its fix.
const GERMAN = {
  "entry-empty": () => "Der Eintrag ist leer",
  "network-octets-missing": ({ text, fix }) => `„${text}“ ist unvollständig: schreiben Sie „${fix}“`,
};

/** The findings about an entry in German, as far as there are texts; else in English. */
export function checkEntryInGerman(entry, list) {
  return checkEntry(entry, list).findings.map(({ code, message, range, fix }) => {
    const text = entry.slice(range?.startUtf16 ?? 0, range?.endUtf16);
    return GERMAN[code]?.({ text, fix }) ?? message;
  });
}
