// A policy document as the module takes it.

/**
 * The module reads text, and refuses what is neither. As text an object goes through the one decoder, which refuses members
 * that it does not know.
 */
export function documentText(document) {
  return typeof document === "object" && document !== null ? JSON.stringify(document) : document;
}
