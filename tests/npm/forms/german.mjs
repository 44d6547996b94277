import { checkEntry, templateOf } from "pullgate";

// By the message without its variable parts.
const GERMAN = {
  "`{0}` has {1} of the {2} numbers of an IPv4 network": "„{0}“ hat {1} der {2} Zahlen eines IPv4-Netzes",
  "`{0}` is not a port: a number from {1} to {2}": "„{0}“ ist kein Port: eine Zahl von {1} bis {2}",
};

/** The findings about an entry in German, as far as there are texts; else in English. */
export function checkEntryInGerman(entry, list) {
  return checkEntry(entry, list).findings.map((finding) => {
    const { template, parameters } = templateOf(finding);
    return GERMAN[template]?.replace(/\{(\d+)\}/g, (_, index) => parameters[index]) ?? finding.message;
  });
}
