// A finding's message apart from its variable parts, for texts in another language.

// Quoted input, and numbers, dates and times that are words of their own: "IPv4" has none.
const VARIABLE_PART = /`([^`]*)`|(?<![\w-])\d+(?:[-.,:]\d\w*)*/g;

/** Returns the message with `{0}`, `{1}` and so on in place of its variable parts, and these parts in their order. */
export function templateOf({ message }) {
  const parameters = [];
  const template = message.replace(VARIABLE_PART, (part, quoted) => {
    const placeholder = `{${parameters.push(quoted ?? part) - 1}}`;
    return quoted === undefined ? placeholder : `\`${placeholder}\``;
  });
  return { template, parameters };
}
