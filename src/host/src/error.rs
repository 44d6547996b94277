//! What can go wrong.

use pullgate::{Answer, Decision, Denial, Denied, Finding};
use thiserror::Error;
use wasmtime::Trap;

use crate::redact::masked;

/// No module to decide with.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// The bytes are not those that the digest stands for.
    #[error("the component's SHA-256 is `{found}`, not `{expected}`: give the component that the digest belongs to")]
    Digest {
        /// What was asked for, as it was given.
        expected: String,
        /// What the bytes have, in lower-case hexadecimal.
        found: String,
    },
    /// The bytes are no component, or one of another interface than [`WIT`](crate::WIT).
    #[error("this is no component of pullgate: {0}")]
    Unfit(String),
    /// wasmtime does not work on this machine.
    #[error("WebAssembly cannot run on this machine: {0}")]
    Engine(String),
}

/// No policy was loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The document has errors. All of its findings are here, in document order.
    #[error("the policy has errors, the first: {}", first(.0))]
    Policy(Vec<Finding>),
    /// The module failed.
    #[error("the policy could not be loaded: {0}")]
    Failed(#[from] Failure),
}

/// The module failed while it worked on something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Failure {
    /// [`Denial::Trap`], [`Denial::TimeOut`] or [`Denial::Memory`].
    pub reason: Denial,
    /// What happened, for a person.
    pub text: String,
}

/// What the memory limiter ends a call with.
#[derive(Clone, Copy, Debug, Error)]
#[error("wanted more than {0} bytes of memory")]
pub(crate) struct OverMemory(pub usize);

impl Failure {
    pub(crate) fn trap(text: impl Into<String>) -> Self {
        Self { reason: Denial::Trap, text: text.into() }
    }

    pub(crate) fn time_out(text: impl Into<String>) -> Self {
        Self { reason: Denial::TimeOut, text: text.into() }
    }

    /// What a failed call into the module means.
    pub(crate) fn of(error: &wasmtime::Error) -> Self {
        if let Some(over) = error.downcast_ref::<OverMemory>() {
            return Self { reason: Denial::Memory, text: format!("the module {over}") };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::time_out("the module took longer than it may"),
            Some(trap) => Self::trap(format!("the module trapped: {trap}")),
            None => Self::trap(format!("the module failed: {error:#}")),
        }
    }

    pub(crate) fn into_decision(self) -> Decision<'static> {
        Decision::Deny(Denied { reason: self.reason, text: self.text, nearest: None })
    }

    /// The denial as an answer, for a reference that no module has read.
    pub(crate) fn into_answer(self, reference: &str) -> Answer<'static> {
        Answer { reference: masked(reference).into(), registry: None, repository: None, decision: self.into_decision() }
    }
}

fn first(findings: &[Finding]) -> &str {
    let error = findings.iter().find(|finding| finding.severity == pullgate::Severity::Error);
    error.map_or("", |finding| &finding.message)
}
