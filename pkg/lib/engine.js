// The running instance of the module, replaced after a trap.

import { instantiate } from "../dist/instance.js";
import { loadModule } from "./load.js";

/**
 * A module and its current instance. `start` returns `{module, digest}` synchronously at the first call; without it,
 * `ready` must come first, and loads from `address()` by default.
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

  /** Loads the module, unless it is loaded. Can be called again after a failure. */
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
    // Instantiated now, so that the first key press does not wait for it.
    const instance = instantiate(loaded.module);
    // Throws for any other module.
    instance.version();
    if (this.#loaded !== undefined) return;
    this.#loaded = loaded;
    this.#instance = instance;
  }

  /** Returns the compiled module and its digest. */
  loaded() {
    if (this.#loaded === undefined && this.#start === undefined) {
      throw new Error("pullgate has no module yet: `await ready()` comes first");
    }
    this.#loaded ??= this.#start();
    return this.#loaded;
  }

  /** Returns whether `instance` is the current one. */
  isCurrent(instance) {
    return instance === this.#instance;
  }

  /**
   * Runs `operation` on the current instance; after a trap, returns the result of `onTrap`. A trapped instance is never
   * used again, since its memory may be in any state: the next call instantiates the module anew.
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

// Exhausted stack or memory: engines throw RangeError or InternalError out of the module, with the effect of a trap.
function isTrap(error) {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error?.name === "InternalError";
}
