import { checkEntry, moduleDigest } from "pullgate";
import { whitelistEntry } from "pullgate/schema";

export default {
  async fetch() {
    const { findings } = checkEntry("10.2.2/24", "insecure");
    const { issues } = whitelistEntry["~standard"].validate("a..b");
    return new Response([findings[0].code, findings[0].fix, issues[0].code, moduleDigest()].join(" "));
  },
};
