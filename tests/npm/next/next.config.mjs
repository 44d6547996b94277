import { fileURLToPath } from "node:url";

export default {
  // The folder with node_modules. The test copies this folder two levels below it.
  turbopack: { root: fileURLToPath(new URL("../..", import.meta.url)) },
};
