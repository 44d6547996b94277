// The recipes of docs/npm.md for other schema libraries, and for other languages.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { useForm } from "vee-validate";
import { createSSRApp } from "vue";
import { renderToString } from "vue/server-renderer";

import { policy } from "pullgate/schema";
import { policySchema as valibotSchema } from "../forms/valibot.mjs";
import { checkEntryInGerman } from "../forms/german.mjs";
import { validationSchema } from "../forms/vee-validate.mjs";
import { policySchema as zodSchema } from "../forms/zod.mjs";

const GOOD = { whitelist: ["a.example.com", { entry: "10.2.2.0/24", comment: "" }] };
const BAD = { whitelist: ["a.example.com", { entry: "10.2.2/24", comment: "" }], insecure: ["a..b"] };
const ISSUES = policy["~standard"].validate(BAD).issues;

test("the cases have issues, and none", () => {
  assert.equal(policy["~standard"].validate(GOOD).issues, undefined);
  assert.deepEqual(ISSUES.map(({ path }) => path), [["whitelist", 1, "entry"], ["insecure", 0]]);
});

test("zod: the values pass, and issues have path, message, code and fix", () => {
  assert.deepEqual(zodSchema.parse(GOOD), GOOD);
  const { error } = zodSchema.safeParse(BAD);
  const told = ({ path, message }) => [path, message];
  assert.deepEqual(error.issues.map(told), ISSUES.map(told));
  assert.equal(error.issues[0].params.fix, "10.2.2.0/24");
  assert.equal(zodSchema.safeParse({ whitelst: [] }).success, false);
});

test("valibot: the values pass, and issues have path and message", () => {
  assert.deepEqual(v.parse(valibotSchema, GOOD), GOOD);
  const { issues } = v.safeParse(valibotSchema, BAD);
  const told = issues.map((issue) => [v.getDotPath(issue), issue.message]);
  assert.deepEqual(told, ISSUES.map(({ path, message }) => [path.join("."), message]));
  assert.equal(v.safeParse(valibotSchema, { whitelst: [] }).success, false);
});

/** Validates values with `useForm` of vee-validate. */
async function validateWithVee(initialValues, validationSchema) {
  let validating;
  const setup = () => {
    validating = useForm({ initialValues, validationSchema }).validate();
    return () => "";
  };
  await renderToString(createSSRApp({ setup }));
  return validating;
}

test("vee-validate: the values pass, and errors have the path", async () => {
  assert.equal((await validateWithVee(GOOD, validationSchema)).valid, true);
  const { valid, errors } = await validateWithVee(BAD, validationSchema);
  assert.equal(valid, false);
  // vee-validate writes paths in a form of its own: `whitelist[1].entry`.
  const told = Object.entries(errors).map(([path, message]) => [path.replaceAll(/\[(\d+)\]/g, ".$1"), message]);
  assert.deepEqual(told.toSorted(), ISSUES.map(({ path, message }) => [path.join("."), message]).toSorted());
});

test("vee-validate finds everything valid with `policy` itself: the trap that the guide names", async () => {
  assert.equal((await validateWithVee(BAD, policy)).valid, true);
});

test("a finding is said in another language, with its parameters", () => {
  assert.deepEqual(checkEntryInGerman("10.2.2/24", "whitelist"), ["„10.2.2/24“ hat 3 der 4 Zahlen eines IPv4-Netzes"]);
  assert.deepEqual(checkEntryInGerman("h.example:0", "whitelist"), ["„0“ ist kein Port: eine Zahl von 1 bis 65535"]);
  assert.match(checkEntryInGerman("a..b", "whitelist")[0], /dot/);
});
