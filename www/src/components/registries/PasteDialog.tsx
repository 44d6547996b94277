// A list to paste, with a preview of the rows that it becomes.

import { checkEntry, type EntryList } from "pullgate";
import { useDeferredValue, useMemo, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Label } from "react-aria-components/Label";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";
import { containsPrivateKey } from "../../certificates/pem";
import { type PastedEntry, splitList } from "../../form/splitList";
import { messages } from "../../messages";
import { Dialog } from "../ui/Dialog";
import { FormattedMessage } from "../ui/FormattedMessage";
import { Icon } from "../ui/Icon";
import { TransportRadio } from "./TransportRadio";

interface Props {
  /** The text to begin with. */
  text: string;
  list: EntryList;
  /** The entries that the list has, which are not added again. */
  known: ReadonlySet<string>;
  /** True if each entry is secure or insecure. */
  hasTransport: boolean;
  onAdd: (entries: PastedEntry[]) => void;
  onClose: () => void;
}

const SHOWN_ENTRIES = 100;

export function PasteDialog({ text: initial, list, known, hasTransport, onAdd, onClose }: Props) {
  const [text, setText] = useState(initial);
  const [keyRefused, setKeyRefused] = useState(false);
  const [insecure, setInsecure] = useState(false);
  const { fresh, left } = useNewEntries(useDeferredValue(text), known);
  const t = messages.pasteList;
  const change = (typed: string) => {
    const isKey = containsPrivateKey(typed);
    setKeyRefused(isKey);
    if (!isKey) setText(typed);
  };
  const add = () => {
    onAdd(hasTransport ? fresh.map((entry) => ({ ...entry, insecure: insecure || entry.insecure === true })) : fresh);
    onClose();
  };
  return (
    <Dialog title={t.title} onClose={onClose}>
      <p className="muted">{t.intro}</p>
      <TextField className="text-field" value={text} onChange={change}>
        <Label>{t.text}</Label>
        <TextArea data-first-focus rows={6} placeholder={t.example} autoComplete="off" spellCheck={false} dir="ltr" />
        {keyRefused && <p className="key-refused">{messages.registries.keyRefused}</p>}
      </TextField>
      {hasTransport && <TransportRadio isInsecure={insecure} label={t.transport} onChange={setInsecure} />}
      <Preview entries={fresh} left={left} list={insecure ? "insecure" : list} />
      <div className="dialog-buttons">
        <Button className="button primary" isDisabled={fresh.length === 0} onPress={add}>
          {t.add(fresh.length)}
        </Button>
        <Button className="button" onPress={onClose}>
          {messages.apply.cancel}
        </Button>
      </div>
    </Dialog>
  );
}

/** Returns the entries of a text that are new, and the number of the others. */
function useNewEntries(text: string, known: ReadonlySet<string>) {
  return useMemo(() => {
    const seen = new Set(known);
    const entries = splitList(text);
    const fresh = entries.filter(({ entry }) => !seen.has(entry) && seen.add(entry));
    return { fresh, left: entries.length - fresh.length };
  }, [text, known]);
}

function Preview({ entries, left, list }: { entries: PastedEntry[]; left: number; list: EntryList }) {
  const t = messages.pasteList;
  const errors = useMemo(
    () =>
      entries.map(
        ({ entry, insecure }) =>
          checkEntry(entry, insecure ? "insecure" : list).findings.find(({ severity }) => severity === "error")?.message,
      ),
    [entries, list],
  );
  const wrong = errors.filter((message) => message !== undefined).length;
  const summary = [t.entries(entries.length), ...(wrong > 0 ? [t.errors(wrong)] : []), ...(left > 0 ? [t.known(left)] : [])];
  return (
    <div className="preview">
      <h3>{t.preview}</h3>
      <p role="status">{entries.length + left === 0 ? t.none : `${summary.join(", ")}.`}</p>
      {entries.length > 0 && (
        <ol className="preview-entries" tabIndex={0} aria-label={t.preview}>
          {entries.slice(0, SHOWN_ENTRIES).map(({ entry, insecure, comment }, index) => (
            <li key={entry} data-severity={errors[index] === undefined ? undefined : "error"}>
              <bdi>
                <code>{entry}</code>
              </bdi>
              {insecure && <span className="chip warning">{messages.registries.insecure}</span>}
              {comment !== undefined && <bdi className="muted"> {comment}</bdi>}
              {errors[index] !== undefined && (
                <span className="preview-error">
                  <Icon name="error" />
                  <span>
                    <FormattedMessage text={errors[index]} />
                  </span>
                </span>
              )}
            </li>
          ))}
        </ol>
      )}
      {entries.length > SHOWN_ENTRIES && <p className="muted">{t.more(entries.length - SHOWN_ENTRIES)}</p>}
    </div>
  );
}
