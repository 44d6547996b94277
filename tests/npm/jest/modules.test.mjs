import { checkEntry } from "pullgate/inline";
import { insecureEntry } from "pullgate/inline/schema";

test("the module answers", () => {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  expect(`${findings[0].code} ${findings[0].fix}`).toBe("network-octets-missing 10.2.2.0/24");
  expect(insecureEntry["~standard"].validate("10.2.2/24").issues[0].fix).toBe("10.2.2.0/24");
  expect(checkEntry("bücher.example", "whitelist").entry).toBe("xn--bcher-kva.example");
});
