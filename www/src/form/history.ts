// The versions of a value, for undo and redo. A store outside React, so that an action reads the value that the last
// action left, before React renders it.

/** A change, by its name for *Undo*. */
export interface Change {
  label: string;
  /** Changes of the same kind that follow each other at once are one step, such as the keys typed into one field. */
  merge?: string;
  /** True if it removed or replaced something, so that a notice offers *Undo*. */
  isDestructive?: boolean;
}

interface Step<T> {
  /** The value before the change, in `past`; after it, in `future`. */
  value: T;
  change: Change;
}

/** Pause after which typing in the same field is a step of its own, in milliseconds. */
const MERGE_MS = 1500;

/** The number of steps that can be undone. Versions share what is equal in them. */
const MAX_STEPS = 500;

export interface HistoryState<T> {
  value: T;
  /** The change that *Undo* takes back, and that *Redo* makes again. */
  undoable: Change | undefined;
  redoable: Change | undefined;
}

export class History<T> {
  #past: Step<T>[] = [];
  #future: Step<T>[] = [];
  #state: HistoryState<T>;
  #changedAt = -Infinity;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#state = { value, undoable: undefined, redoable: undefined };
  }

  get value(): T {
    return this.#state.value;
  }

  // Arrow functions, for `useSyncExternalStore`.
  readonly getState = (): HistoryState<T> => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sets the value. The same value is no change. */
  set(value: T, change: Change, now = performance.now()): void {
    if (value === this.value) return;
    const last = this.#past.at(-1);
    const isMerged =
      change.merge !== undefined && change.merge === last?.change.merge && now - this.#changedAt < MERGE_MS;
    if (!isMerged) this.#past.push({ value: this.value, change });
    if (this.#past.length > MAX_STEPS) this.#past.shift();
    this.#future = [];
    this.#changedAt = now;
    this.#publish(value);
  }

  /** Begins with another value, and without steps. */
  reset(value: T): void {
    this.#past = [];
    this.#future = [];
    this.#publish(value);
  }

  /** Returns to the version before the last change, and returns that change. */
  undo(): Change | undefined {
    return this.#move(this.#past, this.#future);
  }

  /** Makes the change again that was undone last, and returns it. */
  redo(): Change | undefined {
    return this.#move(this.#future, this.#past);
  }

  #move(from: Step<T>[], to: Step<T>[]): Change | undefined {
    const step = from.pop();
    if (step === undefined) return undefined;
    to.push({ value: this.value, change: step.change });
    this.#changedAt = -Infinity;
    this.#publish(step.value);
    return step.change;
  }

  #publish(value: T): void {
    this.#state = { value, undoable: this.#past.at(-1)?.change, redoable: this.#future.at(-1)?.change };
    for (const listener of this.#listeners) listener();
  }
}
