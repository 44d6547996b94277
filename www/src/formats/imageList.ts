// Images out of what lists them: `kubectl get pods -o json` or `-o yaml`, `docker ps`, manifests, and plain lists.

/** Returns the images of a text, each once, with the number of times that it is there. */
export function readImageList(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const image of imagesOf(text.replace(/^\uFEFF/, ""))) counts.set(image, (counts.get(image) ?? 0) + 1);
  return counts;
}

function imagesOf(text: string): string[] {
  if (/^\s*[[{]/.test(text)) {
    try {
      return collectImages(JSON.parse(text));
    } catch {
      // Several documents after each other, or a part of one: its lines may still name images.
    }
  }
  const members = [...text.matchAll(/^[ \t-]*["']?image["']?\s*:\s*["']?([^\s"',}]+)/gim)].map(([, image]) => image!);
  if (members.length > 0) return members;
  return text
    .split(/\r\n?|\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").replace(/^\s*(?:[-*•]|\d{1,4}[.)])\s+/, ""))
    .flatMap((line) => line.split(/[\s,;]+/))
    .map((word) => word.replace(/^["'[]+|["'\]]+$/g, ""))
    .filter((word) => word !== "");
}

/** Collects the strings of arrays, and of members named `image`. */
function collectImages(value: unknown, isImage = false): string[] {
  if (typeof value === "string") return isImage && value !== "" ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((element) => collectImages(element, typeof element === "string"));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    // The arguments of a container are arrays of strings, too.
    Array.isArray(member) && !/^images?$/.test(name)
      ? member.flatMap((element) => collectImages(element))
      : collectImages(member, name === "image"),
  );
}
