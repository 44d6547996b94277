// The running instance of the module, replaced after a trap.

import { version as packageVersion } from "../dist/identity.js";
import { instantiate } from "../dist/instance.js";
import { foreignModuleError, loadModule } from "./load.js";

// React renders again when a promise is rejected, and calls `ready` anew: within this time it gets the same failure.
const FAILURE_LIFETIME_MS = 1_000;

/**
 * A module and its current instance. `start` returns `{module, digest}` synchronously at the first call; without it,
 * `ready` must come first, and loads from `address()` by default.
 */
export class Engine {
  #start;
  #address;
  // The promise of `ready`, its source, and the time of its failure.
  #readiness;
  #source;
  #failedAt;
  #loaded;
  #instance;

  constructor({ start, address }) {
    this.#start = start;
    this.#address = address;
  }

  /** Returns whether a call would be answered now. */
  isReady() {
    return this.#loaded !== undefined || this.#start !== undefined;
  }

  /**
   * Loads the module, unless it is loaded, and returns the same promise every time. After a failure, another source, or
   * the same one a second later, is tried anew.
   */
  ready(source) {
    if (this.#readiness === undefined || this.#mayRetry(source)) {
      this.#failedAt = undefined;
      this.#source = source;
      this.#readiness = this.#prepare(source);
    }
    return this.#readiness;
  }

  #mayRetry(source) {
    if (this.#failedAt === undefined) return false;
    return source !== this.#source || Date.now() - this.#failedAt >= FAILURE_LIFETIME_MS;
  }

  async #prepare(source) {
    try {
      if (source === undefined && this.#start !== undefined) this.loaded();
      else if (this.#loaded === undefined) await this.#load(source === undefined ? this.#address() : source);
    } catch (error) {
      this.#failedAt = Date.now();
      throw error;
    }
  }

  async #load(source) {
    const loaded = await loadModule(source);
    // Instantiated now, so that the first key press does not wait for it.
    const instance = instantiateOwn(loaded.module);
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

// Instantiates the module of this package. The glue fits no other, not even one of another version.
function instantiateOwn(module) {
  let instance;
  let version;
  try {
    instance = instantiate(module);
    version = instance.version();
  } catch (cause) {
    throw foreignModuleError(undefined, cause);
  }
  if (version !== packageVersion) throw foreignModuleError(version);
  return instance;
}

// Exhausted stack or memory: engines throw RangeError or InternalError out of the module, with the effect of a trap.
function isTrap(error) {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error?.name === "InternalError";
}
