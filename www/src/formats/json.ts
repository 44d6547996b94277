// JSON output: pullgate's own format, and that of the REST API of virtual container hosts.

import type { PolicyDocument } from "pullgate";
import { type FormattedDocument, listsForVic } from "./format";
import { vicNotes } from "./vicNotes";

export function writeJson(document: PolicyDocument): FormattedDocument {
  return { text: print(document), fileName: "policy.json", notes: [] };
}

export function writeRest(document: PolicyDocument): FormattedDocument {
  const { whitelist, insecure } = listsForVic(document);
  const authorities = document.certificate_authorities ?? [];
  const { image_fetch_proxy: proxy } = document;
  const rest = {
    ...(document.whitelist && { whitelist }),
    ...(insecure.length > 0 && { insecure }),
    ...(authorities.length > 0 && { certificate_authorities: authorities.map(({ pem }) => ({ pem })) }),
    ...(proxy !== undefined && { image_fetch_proxy: proxy }),
  };
  return { text: print(rest), fileName: "registry.json", notes: vicNotes(document) };
}

function print(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
