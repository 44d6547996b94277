import { checkEntry } from "pullgate/inline";
import { insecureEntry } from "pullgate/inline/schema";

const { findings } = checkEntry("10.2.2/24", "insecure");
const { issues } = insecureEntry["~standard"].validate("10.2.2/24");
document.title = `${findings[0].code} ${issues[0].fix}`;
