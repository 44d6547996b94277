// Shared parts of the parsers. Each parser is a plain function from a PEM bundle to a list of certificates, so that esbuild
// can measure its size.

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
