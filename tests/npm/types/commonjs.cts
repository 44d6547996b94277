// The types of the CommonJS build.

import pullgate = require("pullgate");
import inline = require("pullgate/inline");
import schema = require("pullgate/schema");

function everything(report: pullgate.EntryReport): readonly schema.ValidationIssue[] | undefined {
  return report.entry === undefined ? schema.policy["~standard"].validate({}).issues : undefined;
}

everything(inline.checkEntry("a.example.com", "whitelist"))?.[0]?.code satisfies pullgate.Finding["code"] | undefined;
