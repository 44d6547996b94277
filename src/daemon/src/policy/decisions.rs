//! The decisions of the module, for exports and comparisons of settings.

use pullgate::{Decision, Request, TrustAnchor};
use pullgate_host::PolicyEvaluator;
use pullgate_runtimes::PolicyDecisions;

/// The decisions of a policy evaluator, without DNS.
pub struct EvaluatorDecisions(pub PolicyEvaluator);

impl PolicyDecisions for EvaluatorDecisions {
    fn decide<'a>(&'a self, request: &Request<'_>) -> Decision<'a> {
        self.0.decide_offline(request)
    }

    fn trust_anchors(&self) -> &[TrustAnchor] {
        self.0.authorities()
    }
}
