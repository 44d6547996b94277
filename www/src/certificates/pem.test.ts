import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { containsPrivateKey, extractCertificates, withoutCertificate } from "./pem";

const read = (name: string) => readFileSync(new URL(`../../../tests/certificates/${name}`, import.meta.url), "utf8");
const KEY = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n";

test("only certificates are taken out of a text", () => {
  const [ca, other] = [read("ca.pem"), read("other-ca.pem")];
  const { blocks, findings } = extractCertificates(`a note\n${ca}${KEY}another note\n${other}`);
  assert.deepEqual(blocks, [blockIn(ca), blockIn(other)]);
  assert.deepEqual(findings.map(({ code }) => code), ["private-key"]);
});

test("CR LF, a byte-order mark and bytes in place of text", () => {
  const ca = read("ca.pem");
  const bytes = new TextEncoder().encode(`\uFEFF${ca.replaceAll("\n", "\r\n")}`);
  assert.deepEqual(extractCertificates(bytes).blocks, [blockIn(ca)]);
});

test("DER, base64, and damage that leaves no doubt are taken as plain PEM", () => {
  const [ca, other] = [read("ca.pem"), read("other-ca.pem")];
  const der = Uint8Array.from(atob(ca.split("\n").slice(1, -2).join("")), (character) => character.charCodeAt(0));
  for (const input of [der, btoa(ca), ca.replaceAll("\n", "\\n"), ca.replaceAll("\n", " "), ca.replaceAll(/^/gm, "\u00a0")]) {
    assert.deepEqual(extractCertificates(input), { ...extractCertificates(ca) });
  }
  const joined = `\uFEFF${ca.trimEnd()}${other.replaceAll("CERTIFICATE", "X509 CERTIFICATE")}`;
  const { blocks, findings } = extractCertificates(joined);
  assert.deepEqual([blocks, findings], [[blockIn(ca), blockIn(other)], []]);
  assert.deepEqual(extractCertificates(btoa(KEY)).blocks, []);
});

test("a private key is noticed", () => {
  for (const text of [KEY, KEY.slice(0, 30), "-----BEGIN ENCRYPTED PRIVATE KEY", "x -----BEGIN PRIVATE KEY----- y"]) {
    assert.equal(containsPrivateKey(text), true, text);
  }
  for (const text of [read("ca.pem"), "", "harbor.example.com", "private key"]) assert.equal(containsPrivateKey(text), false);
});

test("one certificate goes, and the rest of its bundle stays as it was", () => {
  const [ca, other] = [read("ca.pem"), read("other-ca.pem")];
  const pem = `first\n${ca}second\n${other}`;
  const line = pem.split("\n").findIndex((text) => text.includes("BEGIN")) + 1;
  const rest = withoutCertificate(pem, line);
  assert.deepEqual(extractCertificates(rest).blocks, [blockIn(other)]);
  assert.match(rest, /^first\n/);
});

function blockIn(pem: string): string {
  return /-----BEGIN[^]*-----END CERTIFICATE-----\n/.exec(pem)![0];
}
