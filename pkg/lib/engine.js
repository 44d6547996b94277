// The instance that runs, and what comes after it when it traps.

import { instantiate } from "../dist/instance.js";
import { loadModule } from "./load.js";

/**
 * Where the module comes from: `start` gives `{module, digest}` at once, when the first question is asked; without it,
 * `ready` is called first, which loads from `address` if it is given no source.
 */
export class Engine {
  #start;
  #address;
  #loading;
  #loaded;
  #instance;

  constructor({ start, address }) {
    this.#start = start;
    this.#address = address;
  }

  /** Loads the module, unless there is one. After a failure it can be called again. */
  async ready(source) {
    if (this.#loaded !== undefined) return;
    if (source === undefined && this.#start !== undefined) {
      this.loaded();
      return;
    }
    this.#loading ??= this.#load(source ?? this.#address()).finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  async #load(source) {
    const loaded = await loadModule(source);
    // Here, and not under the first key that is pressed.
    const instance = instantiate(loaded.module);
    // Fails for a module that is another one.
    instance.version();
    if (this.#loaded !== undefined) return;
    this.#loaded = loaded;
    this.#instance = instance;
  }

  /** The compiled module and its digest. */
  loaded() {
    if (this.#loaded === undefined && this.#start === undefined) {
      throw new Error("pullgate has no module yet: `await ready()` comes first");
    }
    this.#loaded ??= this.#start();
    return this.#loaded;
  }

  /** Whether this is the instance that runs. */
  isCurrent(instance) {
    return instance === this.#instance;
  }

  /**
   * What `call` makes of the instance. An instance that trapped is never used again: its memory may be in any state. The
   * next call gets a new one, and this one's answer is what `otherwise` gives.
   */
  call(operation, onTrap) {
    const { module } = this.loaded();
    try {
      this.#instance ??= instantiate(module);
      return operation(this.#instance);
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.#instance = undefined;
      return onTrap(error);
    }
  }
}

// Where the stack ends, or no memory is left, engines throw these out of the middle of the module, as bad as a trap.
function isTrap(error) {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error?.name === "InternalError";
}
