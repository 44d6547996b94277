import { checkEntry, ready } from "pullgate";

ready().then(() => {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  document.title = `${findings[0].code} ${findings[0].fix}`;
});
