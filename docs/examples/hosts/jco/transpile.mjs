// Makes JavaScript of the component, into `dist`.

import { transpile, writeFiles } from "@bytecodealliance/jco-transpile";

const component = new URL("../../../../pkg/dist/pullgate.component.wasm", import.meta.url).pathname;
const outDir = new URL("dist", import.meta.url).pathname;
const { files } = await transpile(component, { name: "pullgate", outDir });
await writeFiles(files);
