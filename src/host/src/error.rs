//! What can go wrong.

use pullgate::{Decision, DenialReason, Deny, Finding, Response};
use thiserror::Error;
use wasmtime::Trap;

use crate::redact::redact_userinfo;

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
    InvalidComponent(String),
    /// wasmtime does not work on this machine.
    #[error("WebAssembly cannot run on this machine: {0}")]
    Engine(String),
    /// This processor lacks an instruction that the built-in module was compiled to.
    #[error("the module in this program was compiled for another processor: {0}")]
    Processor(String),
}

/// No policy was loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The document has errors. All of its findings are here, in document order.
    #[error("the policy has errors, the first: {}", first_error_message(.0))]
    Policy(Vec<Finding>),
    /// The module failed.
    #[error("the policy could not be loaded: {0}")]
    Failed(#[from] ExecutionError),
}

/// The module failed while it worked on something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct ExecutionError {
    /// [`Denial::Trap`], [`Denial::TimeOut`] or [`Denial::Memory`].
    pub reason: DenialReason,
    /// What happened, for a person.
    pub text: String,
}

/// What the memory limiter ends a call with.
#[derive(Clone, Copy, Debug, Error)]
#[error("wanted more than {0} bytes of memory")]
pub(crate) struct MemoryLimitExceeded(pub usize);

impl ExecutionError {
    pub(crate) fn trap(text: impl Into<String>) -> Self {
        Self { reason: DenialReason::Trap, text: text.into() }
    }

    pub(crate) fn time_out(text: impl Into<String>) -> Self {
        Self { reason: DenialReason::TimeOut, text: text.into() }
    }

    /// What a failed call into the module means.
    pub(crate) fn from_wasmtime(error: &wasmtime::Error) -> Self {
        if let Some(over) = error.downcast_ref::<MemoryLimitExceeded>() {
            return Self { reason: DenialReason::Memory, text: format!("the module {over}") };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::time_out("the module took longer than it may"),
            Some(trap) => Self::trap(format!("the module trapped: {trap}")),
            None => Self::trap(format!("the module failed: {error:#}")),
        }
    }

    pub(crate) fn into_decision(self) -> Decision<'static> {
        Decision::Deny(Deny { reason: self.reason, text: self.text, nearest: None })
    }

    /// The denial as an answer, for a reference that no module has read.
    pub(crate) fn into_response(self, reference: &str) -> Response<'static> {
        Response {
            reference: redact_userinfo(reference).into(),
            registry: None,
            repository: None,
            decision: self.into_decision(),
        }
    }
}

fn first_error_message(findings: &[Finding]) -> &str {
    let error = findings.iter().find(|finding| finding.severity == pullgate::Severity::Error);
    error.map_or("", |finding| &finding.message)
}
