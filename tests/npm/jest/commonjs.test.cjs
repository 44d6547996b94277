const { checkCertificates, checkEntry, loadPolicy } = require("pullgate");
const { insecureEntry } = require("pullgate/schema");

test("the module answers", () => {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  expect(`${findings[0].code} ${findings[0].fix}`).toBe("network-octets-missing 10.2.2.0/24");
  expect(insecureEntry["~standard"].validate("10.2.2/24").issues[0].fix).toBe("10.2.2.0/24");
  // Objects and bytes of the test's realm, text beyond ASCII.
  expect(loadPolicy({ whitelist: ["a.example.com"] }).policy.decide("alpine").decision).toBe("deny");
  expect(checkCertificates(new Uint8Array([45, 45])).findings[0].code).toBe("certificate-none");
  expect(checkEntry("bücher.example", "whitelist").entry).toBe("xn--bcher-kva.example");
});
