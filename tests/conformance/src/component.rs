//! The component under wasmtime as a surface.

use pullgate::{EntryList, Request};
use pullgate_host::{EvaluatorOptions, LoadError, Module, PolicyEvaluator, ResourceLimits};

use crate::surface::{Loaded, Surface, anchors, compared, json, loading, narrowed};

/// The component under wasmtime.
pub struct Component(Module);

impl Component {
    /// The component that is built into the host.
    pub fn new() -> Self {
        Self(Module::built_in().expect("the component is built: run `cargo xtask module` first"))
    }
}

impl Default for Component {
    fn default() -> Self {
        Self::new()
    }
}

impl Surface for Component {
    type Loaded = PolicyEvaluator;

    fn check_entry(&self, text: &str, list: EntryList) -> String {
        json(&self.0.check_entry(text, list).expect("the module checks an entry"))
    }

    fn check_certificates(&self, pem: &[u8], at: u64) -> String {
        json(&self.0.check_certificates(pem, at).expect("the module checks certificates"))
    }

    fn check_policy(&self, text: &str, at: u64) -> String {
        json(&self.0.check_policy(text, at).expect("the module checks a document"))
    }

    fn compare(&self, old: &str, new: &str, at: u64) -> String {
        compared(self.0.compare(old, new, at).expect("the module compares documents"))
    }

    fn narrow(&self, policy: &str, remote: &str, at: u64) -> String {
        narrowed(self.0.narrow(policy, remote, at).expect("the module narrows a document"))
    }

    fn load(&self, text: &str, at: u64) -> (String, Option<PolicyEvaluator>) {
        // One instance for each policy is enough here, and there are hundreds of policies.
        let limits = ResourceLimits { max_instances: 1, ..ResourceLimits::default() };
        match self.0.load(text, at, EvaluatorOptions { limits, ..EvaluatorOptions::default() }) {
            Ok((evaluator, findings)) => (loading(true, &findings), Some(evaluator)),
            Err(LoadError::Policy(findings)) => (loading(false, &findings), None),
            Err(error) => panic!("the module loads a document: {error}"),
        }
    }
}

impl Loaded for PolicyEvaluator {
    fn decide(&self, request: &Request<'_>) -> String {
        self.decide_text_offline(request)
    }

    fn explain(&self, request: &Request<'_>) -> String {
        self.explain_offline(request).to_json()
    }

    fn authorities(&self) -> String {
        anchors(PolicyEvaluator::authorities(self))
    }
}
