//! The grammar of image references (rule H3), from the tests of distribution/reference.

use pullgate::{Policy, ReferenceKind, Request};
use serde_json::Value;

use super::super::{Verdict, compare, string};

/// What became of a case.
pub fn verdict(case: &Value) -> Verdict {
    let input = string(case, "input");
    let ok = case["ok"].as_bool().unwrap_or_default();
    match string(case, "fn") {
        // A domain alone is no reference.
        "DomainRegexp" => compare(ok, read(&format!("{input}/x")).is_some()),
        // What looks like an image's digest is no name (rule H3). Of what does not, nothing follows.
        "IdentifierRegexp" if ok => compare(None, read(input)),
        "IdentifierRegexp" => Verdict::Agrees,
        _ => match (ok, read(input)) {
            (false, ours) => compare(None, ours),
            (true, None) => Verdict::Differs("there it is read, here refused".to_owned()),
            (true, Some(ours)) => same(case, &ours),
        },
    }
}

/// Registry and repository of a reference, if it can be read.
pub fn read(reference: &str) -> Option<(String, String)> {
    let policy = Policy::load("{}", 0).expect("an empty policy loads").policy;
    let answer = policy.answer(&Request { reference, kind: ReferenceKind::Image, ..Request::default() });
    Some((answer.registry?.into_owned(), answer.repository?.into_owned()))
}

fn same(case: &Value, (registry, repository): &(String, String)) -> Verdict {
    // `Parse` and the regular expressions take every first component for a domain; names that people type are read by
    // the others. What they agree on is the domain that cannot be anything else.
    let domain = string(case, "domain").to_lowercase();
    let is_registry = domain.contains(['.', ':']) || domain == "localhost";
    let normalised = matches!(string(case, "fn"), "ParseNormalizedNamed" | "ParseDockerRef" | "ParseAnyReference");
    if let Some(equivalent) = case["equivalent"].as_str() {
        let ours = format!("{registry}/{repository}");
        let rest = equivalent.strip_prefix(&ours);
        return compare(true, rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@'])));
    }
    if let (Some(path), true) = (case["path"].as_str(), normalised || is_registry) {
        return compare((domain.as_str(), path), (bare(registry).as_str(), repository));
    }
    Verdict::Agrees
}

/// The registry as the table writes it: with brackets around an IPv6 address.
fn bare(registry: &str) -> String {
    if registry.matches(':').count() > 1 && !registry.starts_with('[') {
        format!("[{registry}]")
    } else {
        registry.to_owned()
    }
}
