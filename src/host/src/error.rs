//! Errors of the host.

use std::borrow::Cow;

use pullgate::{Decision, DenialReason, Deny, Finding, Response, redact_userinfo};
use thiserror::Error;
use wasmtime::Trap;

/// A module that cannot be loaded.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// The digest of the component differs from the expected one.
    #[error("the component's SHA-256 is `{found}`, not `{expected}`: give the component that the digest belongs to")]
    Digest {
        /// The expected digest as given.
        expected: String,
        /// The digest of the component in lower-case hexadecimal.
        found: String,
    },
    /// The bytes are no component, or have another interface than [`WIT`](crate::WIT).
    #[error("this is no component of pullgate: {0}")]
    InvalidComponent(String),
    /// wasmtime does not work on this machine.
    #[error("WebAssembly cannot run on this machine: {0}")]
    Engine(String),
    /// The embedded machine code uses an instruction that this processor lacks.
    #[error("the module in this program was compiled for another processor: {0}")]
    Processor(String),
}

/// A policy that cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The document has errors. Holds all of its findings, in document order.
    #[error("the policy has errors, the first: {}", first_error_message(.0))]
    Policy(Vec<Finding>),
    /// The module failed.
    #[error("the policy could not be loaded: {0}")]
    Failed(#[from] ExecutionError),
}

/// A failed call into the module.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct ExecutionError {
    /// [`DenialReason::Trap`], [`DenialReason::TimeOut`] or [`DenialReason::Memory`].
    pub reason: DenialReason,
    /// A human-readable description.
    pub text: String,
}

/// The error of the memory limiter, which ends a call.
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

    /// Converts an error of a call into the module.
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
        Decision::Deny(Deny { reason: self.reason, text: self.text, by: None, nearest: None })
    }

    /// Returns the denial as a response, for a reference that no module has read.
    pub(crate) fn into_response(self, reference: &str) -> Response<'static> {
        Response {
            reference: Cow::Owned(redact_userinfo(reference).into_owned()),
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
