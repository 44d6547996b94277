// Serialization of policy documents for the module.

/**
 * Returns the JSON of a document object, so that the module's decoder rejects unknown members in it too. Other values pass
 * unchanged: the module takes text and rejects the rest.
 */
export function documentText(document) {
  return typeof document === "object" && document !== null ? JSON.stringify(document) : document;
}
