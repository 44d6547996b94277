// Serialization of policy documents for the module.

// Above the depth that the module takes, so that it reports its own limit.
const MAX_DEPTH = 200;

/** A value that JSON does not have, with its path in the document. */
export class NotJsonError extends TypeError {
  constructor([name, ...path], message) {
    super(`\`${name}${path.map(accessor).join("")}\` ${message}`);
    this.path = path;
  }
}

/**
 * Returns the JSON text of a document: text unchanged, a plain object serialized, so that the module's decoder rejects
 * unknown members in it too. Throws a TypeError for every other value, at any depth: `JSON.stringify` makes `{}` of a
 * promise, a Map or a class instance, and drops members without a JSON value, and `{}` is the policy that allows
 * everything. `name` is the parameter's, for the message.
 */
export function documentText(document, name) {
  if (typeof document === "string") return document;
  if (typeof document !== "object" || document === null) {
    refuse([name], `must be JSON text or a plain object, not ${describe(document)}`);
  }
  // Serialized from a copy: each member is read once, so what a getter returned to the check is what is serialized.
  return JSON.stringify(jsonCopy(document, [name]));
}

// `path` has the keys that led to the value, the parameter's name first.
function jsonCopy(value, path) {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "object":
      if (value === null) return null;
      if (path.length > MAX_DEPTH) refuse(path.slice(0, 1), "contains itself, or is nested too deeply");
      return Array.isArray(value) ? arrayCopy(value, path) : objectCopy(value, path);
    case "undefined":
      return refuse(path, "is undefined: leave the member out");
    case "function":
      return refuse(path, "is a function: pass its result");
    default:
      return refuse(path, `is ${describe(value)}, which JSON does not have: pass a string`);
  }
}

function arrayCopy(array, path) {
  const copy = [];
  for (let index = 0; index < array.length; index++) copy.push(elementCopy(array, index, path));
  return copy;
}

function objectCopy(object, path) {
  if (typeof object.then === "function") refuse(path, "is a promise: `await` it first");
  if (!hasPlainPrototype(object)) {
    const isResponse = typeof object.json === "function";
    const remedy = isResponse ? "the result of `await response.json()`" : "JSON text or a plain object";
    refuse(path, `is ${describe(object)}: pass ${remedy}`);
  }
  const keys = Object.keys(object);
  refuseHiddenMembers(object, keys, path);
  const copy = {};
  for (const key of keys) {
    const value = elementCopy(object, key, path);
    if (key === "__proto__") Object.defineProperty(copy, key, { value, enumerable: true });
    else copy[key] = value;
  }
  return copy;
}

function elementCopy(parent, key, path) {
  path.push(key);
  const copy = jsonCopy(parent[key], path);
  path.pop();
  return copy;
}

// By structure, since objects of another realm (a frame, Jest) have that realm's `Object.prototype`.
function hasPlainPrototype(object) {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

// Members that `JSON.stringify` drops: hidden ones, but for those of frameworks (Vue's `__v_skip`), and those under
// symbols, where they are all that the object has.
function refuseHiddenMembers(object, keys, path) {
  const names = Object.getOwnPropertyNames(object);
  if (names.length === keys.length && keys.length > 0) return;
  const isEnumerable = (key) => Object.prototype.propertyIsEnumerable.call(object, key);
  const isDropped = (name) => !isEnumerable(name) && !name.startsWith("__");
  const [dropped] = [...names.filter(isDropped), ...Object.getOwnPropertySymbols(object).filter(isEnumerable)];
  if (dropped !== undefined) {
    refuse(path, `has a member \`${String(dropped)}\` that JSON would not have: pass a plain object`);
  }
}

function refuse(path, message) {
  throw new NotJsonError(path, message);
}

function accessor(key) {
  if (typeof key === "number") return `[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = value.constructor?.name;
  const isNamed = typeof name === "string" && name !== "" && name !== "Object";
  return isNamed ? `an object of class ${name}` : "an object with a prototype of its own";
}
