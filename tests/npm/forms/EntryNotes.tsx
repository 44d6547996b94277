import { applyFix, checkEntry, checkPolicy, type Finding, type PolicyDocument } from "pullgate";

type List = "whitelist" | "insecure";

interface EntryNotesProps {
  /** The values of the form. */
  document: PolicyDocument;
  list: List;
  index: number;
  /** Called with the entries in place of this one. */
  onFix: (entries: string[]) => void;
}

/** The errors, warnings and notes about one entry, each with a button for its fix. */
export function EntryNotes({ document, list, index, onFix }: EntryNotesProps) {
  const element = document[list]?.[index] ?? "";
  const text = typeof element === "string" ? element : element.entry;
  return entryFindings(document, list, index, text).map(({ code, severity, message, ...finding }) => (
    <p key={code} role={severity === "error" ? "alert" : "status"}>
      {message}
      {finding.fix !== undefined && (
        <button type="button" onClick={() => onFix(applyFix(text, finding))}>
          Write {finding.fix}
        </button>
      )}
    </p>
  ));
}

// What the text itself says, with ranges in it; then what the entry says only beside the others.
function entryFindings(document: PolicyDocument, list: List, index: number, text: string): Finding[] {
  const own = checkEntry(text, list).findings;
  const places = [`/${list}/${index}`, `/${list}/${index}/entry`];
  const others = checkPolicy(document).findings.filter(({ path = "" }) => places.includes(path));
  return [...own, ...others.filter(({ code }) => own.every((finding) => finding.code !== code))];
}
