import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "./history";

test("undo and redo lead through the versions, and a change ends what could be redone", () => {
  const history = new History("a");
  history.set("b", { label: "to b" }, 0);
  history.set("c", { label: "to c" }, 1);
  assert.equal(history.undo()?.label, "to c");
  assert.deepEqual([history.value, history.getState().undoable?.label, history.getState().redoable?.label], ["b", "to b", "to c"]);
  assert.equal(history.undo()?.label, "to b");
  assert.equal(history.undo(), undefined);
  assert.equal(history.value, "a");
  assert.equal(history.redo()?.label, "to b");
  history.set("d", { label: "to d" }, 2);
  assert.equal(history.redo(), undefined);
  assert.equal(history.undo()?.label, "to d");
  assert.equal(history.value, "b");
});

test("keys typed at once into one field are one step; after a pause, or elsewhere, they are another", () => {
  const history = new History("");
  const type = (text: string, at: number, field = "1") => history.set(text, { label: "typed", merge: field }, at);
  type("a", 0);
  type("ab", 1000);
  type("abc", 2000);
  type("abcd", 9000);
  type("abcde", 9100, "2");
  const versions = [history.value];
  while (history.undo()) versions.push(history.value);
  assert.deepEqual(versions, ["abcde", "abcd", "abc", ""]);
  // What is typed after an undo does not join the step before it.
  history.redo();
  type("abx", 9200);
  history.undo();
  assert.equal(history.value, "abc");
});

test("a change to the same value is none, and listeners hear of each other one", () => {
  const history = new History(1);
  let heard = 0;
  const stop = history.subscribe(() => (heard += 1));
  history.set(1, { label: "none" });
  assert.equal(history.getState().undoable, undefined);
  history.set(2, { label: "two" });
  history.undo();
  stop();
  history.redo();
  assert.equal(heard, 2);
});
