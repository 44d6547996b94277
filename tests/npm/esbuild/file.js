import { checkEntry, ready } from "pullgate";
import url from "pullgate/pullgate.wasm";

await ready(new URL(url, import.meta.url));
const { findings } = checkEntry("10.2.2/24", "insecure");
document.title = `${findings[0].code} ${findings[0].fix}`;
