import { checkEntry } from "pullgate";
import { expect, test } from "vitest";

test("the module answers", () => {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  expect(`${findings[0].code} ${findings[0].fix}`).toBe("network-octets-missing 10.2.2.0/24");
});
