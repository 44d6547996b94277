// Validity period of a certificate, as a bar with a mark for today.

import { messages } from "../../messages";

const format = new Intl.DateTimeFormat(messages.locale, { dateStyle: "medium", timeZone: "UTC" });

export function ValidityBar({ from, to }: { from: string; to: string }) {
  const t = messages.certificates;
  const [start, end, now] = [Date.parse(from), Date.parse(to), Date.now()];
  const part = end > start ? (now - start) / (end - start) : now < start ? -1 : 2;
  const where = part < 0 ? t.before : part > 1 ? t.after : t.within(Math.floor(part * 100));
  const at = `${Math.min(1, Math.max(0, part)) * 100}%`;
  const [fromText, toText] = [dateOf(start, from), dateOf(end, to)];
  return (
    <div className="validity">
      <div
        className="validity-bar"
        role="img"
        aria-label={t.bar(fromText, toText, format.format(now), where)}
        data-state={part < 0 ? "before" : part > 1 ? "after" : "within"}
      >
        <span className="validity-past" style={{ inlineSize: at }} />
        <span className="validity-today" style={{ insetInlineStart: at }} title={t.today} />
      </div>
      <p className="muted" aria-hidden="true">
        {t.valid} {t.validity(fromText, toText)}
      </p>
    </div>
  );
}

// Formats a time as a date, or returns the text if JavaScript cannot parse it.
function dateOf(time: number, text: string): string {
  return Number.isNaN(time) ? text : format.format(time);
}
