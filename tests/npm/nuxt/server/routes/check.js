import { checkEntry } from "pullgate";

export default defineEventHandler(() => {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  return `${findings[0].code} ${findings[0].fix}`;
});
