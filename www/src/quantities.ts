// Numbers, nouns that follow them, and lists in texts.

/** The language of all texts, for numbers, dates and lists. */
export const LOCALE = "en";

export function formatCount(count: number): string {
  return count.toLocaleString(LOCALE);
}

export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export const LIST = new Intl.ListFormat(LOCALE);
