// What each parser says of a certificate: the same fields, as far as it has them. They are plain functions from the
// PEM text of a bundle to a list, so that esbuild can weigh what each needs.

const BLOCK = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

export function blocks(pem) {
  return [...pem.matchAll(BLOCK)].map((match) => match[0]);
}

export function der(block) {
  return Uint8Array.from(atob(block.replace(/-----[^-]+-----|\s/g, "")), (character) => character.charCodeAt(0));
}

export function hexadecimal(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
