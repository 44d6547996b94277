import assert from "node:assert/strict";
import { test } from "node:test";
import { readImageList } from "./imageList";

const IMAGES = ["nginx:1.25", "quay.io/team/app@sha256:abc", "registry.k8s.io/pause:3.9"];
const POD = {
  spec: {
    containers: IMAGES.map((image) => ({ name: "c", image, args: ["serve", "--fast"], command: ["sh"] })),
    initContainers: [{ image: "nginx:1.25" }],
  },
};

test("images are found in what lists them", () => {
  for (const text of [
    IMAGES.join("\n"),
    IMAGES.join(", "),
    IMAGES.map((image) => `- ${image}`).join("\r\n"),
    JSON.stringify(IMAGES),
    JSON.stringify({ images: IMAGES }),
    `# from the cluster\n${IMAGES.join("\n")}\n`,
    IMAGES.map((image) => `    - name: c\n      image: "${image}"\n      args: [serve]\n`).join(""),
    IMAGES.map((image) => `      - image: ${image}`).join("\n"),
    `{"kind": "List", broken\n${IMAGES.map((image) => `  "image": "${image}",`).join("\n")}`,
  ]) {
    assert.deepEqual([...readImageList(text).keys()], IMAGES, text);
  }
});

test("each image is there once, with its number, and arguments are no images", () => {
  const counts = readImageList(JSON.stringify({ items: [POD, POD] }));
  assert.deepEqual([...counts], [["nginx:1.25", 4], ["quay.io/team/app@sha256:abc", 2], ["registry.k8s.io/pause:3.9", 2]]);
  assert.equal(readImageList(" \n# none\n").size, 0);
});
