import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "pullgate";
import { documentOf, rowsForMode, valuesOf } from "../form/document";
import { blankRow } from "../form/values";
import { writeJson, writeRest } from "./json";
import { openPolicy } from "./openPolicy";
import { countComments, readToml, writeToml } from "./toml";
import { readOptions, writeOptions } from "./vicMachine";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB0DCC+/a=\n-----END CERTIFICATE-----\n";
const FULL = {
  whitelist: ["10.2.40.40:443", { entry: "*.example.com", enabled: false, comment: "say \"when\" # not yet" }],
  insecure: [{ entry: "10.2.2.0/24", enabled: true }],
  certificate_authorities: [{ pem: PEM, registries: ["10.2.40.40", { entry: "b.example", comment: "🐳" }] }],
  blocked: ["evil.example", { entry: "10.9.0.0/16", comment: "old" }],
  built_in: ["vic.local"],
  match_resolved_addresses: false,
  projects: { "a.b/c": { whitelist: ["x.example"], insecure: ["y.example"], blocked: ["z.example"] }, "7": {} },
  image_fetch_proxy: { host: "proxy", list: [1, "two", { three: 3 }] },
};

test("TOML: everything comes back", () => {
  const { text } = writeToml(FULL);
  // Through JSON, as for the form: the reader's objects have no prototype.
  assert.deepEqual(JSON.parse(JSON.stringify(readToml(text))), { document: FULL, comments: 0 });
  assert.match(text, /^pem = """\n-----BEGIN CERTIFICATE-----\n/m);
  const { text: without, notes } = writeToml({ whitelist: [], image_fetch_proxy: { a: [null] } });
  assert.deepEqual([without, notes.length], ["whitelist = []\n", 1]);
});

test("TOML: a list has one entry in each line", () => {
  const whitelist = ["a.example", { entry: "b.example", comment: 'say "}", now' }, "[2001:db8::1]:443", 'q"uo, te'];
  const { text } = writeToml({ whitelist, insecure: ["c.example"] });
  const lines = text.split("\n");
  assert.deepEqual([lines[0], lines[1], lines[5], lines[6]], ["whitelist = [", '  "a.example",', "]", 'insecure = [ "c.example" ]']);
  assert.deepEqual(JSON.parse(JSON.stringify(readToml(text).document)), { whitelist, insecure: ["c.example"] });
});

test("TOML: comments are counted, and look-alikes are not", () => {
  const text = 'a = "x # y" # one\nb = \'#\'\n# two\nc = """\n# no\n"""\nd = "\\"#"\n';
  assert.equal(countComments(text), 2);
});

test("the form gives back the document that it was given, whole", () => {
  assert.deepEqual(documentOf(valuesOf(FULL)).document, FULL);
  const { whitelist: _, ...off } = FULL;
  assert.deepEqual(documentOf(valuesOf(off)).document, off);
});

test("whitelist mode off and on again preserves the rows, and adds none", () => {
  const typed = ["a.example:1", "[::1]:5000", "10.0.0.0/8"].map((entry, id) => ({ id, entry, port: "", insecure: id > 0 }));
  const off = rowsForMode(typed, false);
  assert.deepEqual(off.map(({ entry, port }) => `${entry} ${port}`), ["a.example:1 ", "::1 5000", "10.0.0.0/8 "]);
  assert.deepEqual(rowsForMode(off, true), typed);
  const [blank, ...others] = rowsForMode(rowsForMode([blankRow()], false), true);
  assert.deepEqual([blank?.entry, blank?.insecure, others], ["", false, []]);
});

test("a project of a strange name is not lost", () => {
  const text = '{"projects":{"__proto__":{"whitelist":["a.example"]}}}';
  const opened = openPolicy(text);
  assert.ok(opened.ok);
  assert.equal(JSON.stringify(documentOf(valuesOf(opened.document)).document), text);
});

test("JSON and REST JSON: notes name what REST cannot express", () => {
  assert.deepEqual(JSON.parse(writeJson(FULL).text), FULL);
  const { text, notes } = writeRest(FULL);
  assert.deepEqual(JSON.parse(text), {
    whitelist: ["10.2.40.40:443"],
    insecure: ["10.2.2.0/24"],
    certificate_authorities: [{ pem: PEM }],
    image_fetch_proxy: FULL.image_fetch_proxy,
  });
  assert.equal(notes.length, 7);
});

test("options: quoted, and read back", () => {
  const document = { whitelist: ["*.example.com", "it's", "a b", "$HOME", "~x", "[2001:db8::1]:5000"], insecure: ["-x"] };
  const { text } = writeOptions(document);
  assert.match(text, /--whitelist-registry '\*\.example\.com' \\\n/);
  assert.deepEqual(readOptions(text), { document, files: [], others: [] });
  assert.deepEqual(readOptions(text.replaceAll("\n", "\r\n")), { document, files: [], others: [] });
});

test("options: short names, equals signs, and what is not ours", () => {
  const line = "vic-machine-linux create --name=vch1 --wr=a.example --dir \"b.example\" --rc ca.pem -wr 'c.example'";
  const { document, files, others } = readOptions(line);
  assert.deepEqual(document, { whitelist: ["a.example", "c.example"], insecure: ["b.example"] });
  assert.deepEqual([files, others], [["ca.pem"], ["vic-machine-linux", "create", "--name=vch1"]]);
});

test("a whitelist that says nothing, in formats that have no words for it", () => {
  assert.equal(writeOptions({ whitelist: [] }).notes.length, 1);
  assert.deepEqual(JSON.parse(writeRest({ whitelist: [{ entry: "a.example", enabled: false }] }).text), { whitelist: [] });
});

test("a whitelist of insecure entries alone means the same in REST JSON and in pullgate", () => {
  const insecure = ["10.0.0.0/8", "*.example.com:5000", "http://h.example", "10.2.2.2"];
  const { text } = writeRest({ whitelist: [], insecure: ["10.0.0.0/8", "*.example.com:5000", "h.example:80", "10.2.2.2"] });
  const compared = compare({ whitelist: [], insecure }, text);
  assert.ok(compared.ok);
  assert.equal(compared.comparison.verdict, "same");
});

test("options further on in a text of TOML are none", () => {
  for (const text of [
    '# from: vic-machine create --wr old.example\nwhitelist = ["a.example"]\n',
    "whitelist = ['a.example'] # was --wr before\n",
  ]) {
    const opened = openPolicy(text);
    assert.ok(opened.ok, text);
    assert.deepEqual([opened.document, opened.notes.length], [{ whitelist: ["a.example"] }, 1]);
  }
  const commented = openPolicy('[[whitelist]]\nentry = "a.example"\ncomment = "was --wr before"\n');
  assert.ok(commented.ok);
  assert.deepEqual(commented.document, { whitelist: [{ entry: "a.example", comment: "was --wr before" }] });
  for (const text of ['{ comment = "was --wr before" }', 'comment = "was --wr before"', 'vic-machine = "create --wr a"']) {
    assert.equal(openPolicy(text).ok, false, text);
  }
});

test("options, with all that may stand before them", () => {
  for (const before of ["", "$ ", "  vic-machine-linux create ", "$ ./vic-machine create --force ", "C:\\vic-machine-windows.exe create "]) {
    const opened = openPolicy(`${before}--wr a.example`);
    assert.deepEqual(opened.ok && opened.document, { whitelist: ["a.example"] }, before);
  }
});

test("of other options, only names are said", () => {
  const opened = openPolicy("vic-machine create --target 'admin:S3cret@vc' --password -secret --op='S3cret' -p S3cret --force --wr a.example");
  assert.ok(opened.ok);
  assert.deepEqual(opened.notes, ["Not about registries, and left out: --target --password --op -p --force"]);
});

test("documents that would lose something are not opened", () => {
  for (const text of [
    '{"whitelist":[""]}',
    '{"certificate_authorities":[{"pem":"x","registries":[""]}]}',
    '{"registry":{"whitelist":["a"],"whitelist":[]}}',
    '{"registry":{"whitelist":["a"],"white\\u006cist":[]}}',
    '{"registry":{"whitelist":["a"]},"registry":{}}',
    "vic-machine create --name vch1",
    "",
    "{",
    "[]",
    '{"whitelist":["a"],"whitelist":[]}',
    '{"whitlist":[]}',
    '{"whitelist":[{"entry":"a","because":"b"}]}',
    "whitelist = [",
    "--whitelist-registry 'a",
    PEM,
  ]) {
    assert.equal(openPolicy(text).ok, false, text);
  }
});

test("an entry that is wrong is opened, for the form to show", () => {
  const opened = openPolicy('{"whitelist":["10.2.2/24"]}');
  assert.deepEqual(opened, { ok: true, document: { whitelist: ["10.2.2/24"] }, notes: [] });
});

test("the registry of a whole virtual container host", () => {
  const opened = openPolicy('{"name":"vch1","registry":{"insecure":["a.example"]}}');
  assert.ok(opened.ok);
  assert.deepEqual([opened.document, opened.notes.length], [{ insecure: ["a.example"] }, 1]);
  // One name in two objects is not a duplicate.
  assert.ok(openPolicy('{"a":{"b":1},"c":[{"b":"x"},{"b":"{"}],"registry":{"insecure":[]}}').ok);
  const twice = openPolicy('{"registry":{"insecure":["a"],"insecure":[]}}');
  assert.match(twice.ok ? "" : twice.problems.join(), /^the member insecure is there twice/);
});

test("with a private key anywhere but among the certificates, nothing is opened", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  for (const document of [
    { whitelist: [key] },
    { whitelist: [{ entry: "a.example", comment: key }] },
    { image_fetch_proxy: { deep: [{ [key]: 1 }] } },
    { projects: { [key]: {} } },
    { [key]: 1 },
  ]) {
    const opened = openPolicy(JSON.stringify(document));
    assert.match(opened.ok ? "" : opened.problems.join(), /^there is a private key in it/, JSON.stringify(document));
    assert.equal(JSON.stringify(opened).includes("c2VjcmV0"), false);
  }
  assert.equal(openPolicy(`--wr '${key}'`).ok, false);
});

test("a private key in a document is left out, and in no message", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  const document = { certificate_authorities: [{ pem: key }], projects: { p: { certificate_authorities: [{ pem: key }] } } };
  const opened = openPolicy(JSON.stringify(document));
  assert.ok(opened.ok);
  assert.deepEqual(opened.document, { certificate_authorities: [], projects: { p: { certificate_authorities: [] } } });
  for (const text of [`x = """\n${key}`, `{"a": "${key}"}`, key]) {
    assert.equal(JSON.stringify(openPolicy(text)).includes("c2VjcmV0"), false, text);
  }
});

test("what may be another program's settings is told from a mistake in a policy", () => {
  for (const [text, isForeign] of [
    ['{"insecure-registries": []}', true],
    ['{"enabled": true, "custom_registries": []}', true],
    ['["quay.io"]', true],
    ["quay.io\nghcr.io\n", true],
    ["[[registry]]\nlocation = 'h.example'\n", true],
    ['{"whitelst": []}', false],
    ['{"whitelist": [], "insecur": [], "block": []}', false],
    ['{"a": 1, "b": 2', false],
    ["", false],
  ] as const) {
    const opened = openPolicy(text);
    assert.equal(opened.ok, false, text);
    assert.equal(!opened.ok && (opened.isForeign ?? false), isForeign, text);
  }
});
