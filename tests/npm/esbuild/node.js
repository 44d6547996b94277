import { checkEntry } from "pullgate";

const { findings } = checkEntry("10.2.2/24", "insecure");
console.log(findings[0].code, findings[0].fix);
