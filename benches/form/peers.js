// The same field with the usual libraries, as near as they come: an address, a network or a name, with a port. Without
// wildcards, schemes, namespaces, warnings, ranges and fixes; certificates are only parsed.

import "reflect-metadata";
import { X509Certificate } from "@peculiar/x509";
import ipaddr from "ipaddr.js";
import isFQDN from "validator/es/lib/isFQDN";
import isPort from "validator/es/lib/isPort";
import { field } from "./field.js";

field(check, (pem) => {
  const { subject, issuer, notBefore, notAfter } = new X509Certificate(pem);
  return subject && issuer && notBefore && notAfter ? 1 : 0;
});

function check(text) {
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(text);
  if (port !== undefined && !isPort(port)) return "not a port";
  if (host.includes("/")) return ipaddr.isValidCIDR(host) ? undefined : "not a network";
  return ipaddr.isValid(host) || isFQDN(host) ? undefined : "neither an address nor a name";
}
