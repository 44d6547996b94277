//! Calls into the module that need no loaded policy.

use std::sync::PoisonError;

use pullgate::{CertificateReport, CompareError, Comparison, EntryList, EntryReport, NarrowError, PolicyReport};

use crate::error::ExecutionError;
use crate::instance::{Instance, StoreBounds};
use crate::module::Module;
use crate::wit_convert;

impl Module {
    /// The version of pullgate that the module is from.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn version(&self) -> Result<String, ExecutionError> {
        self.with_idle_instance(|exports, store| exports.pullgate_policy_about().call_version(store))
    }

    /// The SHA-256 of the source of the module's rules, in lower-case hexadecimal: equal to [`pullgate::RULES`] if it
    /// is from the same source as this program.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn rules_digest(&self) -> Result<String, ExecutionError> {
        self.with_idle_instance(|exports, store| exports.pullgate_policy_about().call_rules(store))
    }

    /// Checks one entry, at most 1,024 bytes, as an element of `list`.
    ///
    /// # Errors
    ///
    /// If the module fails. An entry with errors is a report with findings.
    pub fn check_entry(&self, text: &str, list: EntryList) -> Result<EntryReport, ExecutionError> {
        let report = self.with_idle_instance(|exports, store| {
            exports.pullgate_policy_validation().call_check_entry(store, text, wit_convert::to_wit_list(list))
        })?;
        wit_convert::entry_report(text, report)
    }

    /// Checks certificates given as PEM, at most 1 MiB, as of `at`, in seconds since 1970-01-01 UTC. `pem` is what a file
    /// holds, whatever that is.
    ///
    /// # Errors
    ///
    /// If the module fails. A file with errors is a report with findings.
    pub fn check_certificates(&self, pem: &[u8], at: u64) -> Result<CertificateReport, ExecutionError> {
        let report = self.with_idle_instance(|exports, store| {
            exports.pullgate_policy_validation().call_check_certificates(store, pem, at)
        })?;
        wit_convert::certificate_report(report)
    }

    /// Checks a policy document, JSON text of at most 64 MiB, as of `at`, in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// If the module fails. A document with errors is a report with findings.
    pub fn check_policy(&self, document: &str, at: u64) -> Result<PolicyReport, ExecutionError> {
        // An instance of its own, gone afterwards: a large document leaves much memory behind.
        let limits = &self.inner.limits;
        let report = Instance::new(self.component(), limits)?.call(limits.load_timeout, |exports, store| {
            exports.pullgate_policy_validation().call_check_policy(store, document, at)
        })?;
        wit_convert::policy_report(report)
    }

    /// Says what replacing one policy document by another does, both as of `at`, in seconds since 1970-01-01 UTC (rule A1).
    /// The inner error has the findings of documents that do not load.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn compare(&self, old: &str, new: &str, at: u64) -> Result<Result<Comparison, CompareError>, ExecutionError> {
        let limits = &self.inner.limits;
        let compared = Instance::new(self.component(), limits)?.call(limits.load_timeout, |exports, store| {
            exports.pullgate_policy_admission().call_compare(store, old, new, at)
        })?;
        match compared {
            Ok(comparison) => Ok(Ok(wit_convert::comparison(comparison))),
            Err(why) => wit_convert::unreadable(why).map(Err),
        }
    }

    /// The policy narrowed to the lists of another document, both as of `at`, in seconds since 1970-01-01 UTC: a document in
    /// canonical form (rule A2). The inner error says why the policy stays as it is.
    ///
    /// # Errors
    ///
    /// If the module fails.
    pub fn narrow(&self, policy: &str, remote: &str, at: u64) -> Result<Result<String, NarrowError>, ExecutionError> {
        let limits = &self.inner.limits;
        let narrowed = Instance::new(self.component(), limits)?.call(limits.load_timeout, |exports, store| {
            exports.pullgate_policy_admission().call_narrow(store, policy, remote, at)
        })?;
        match narrowed {
            Ok(document) => Ok(Ok(document)),
            Err(why) => wit_convert::narrow_error(why).map(Err),
        }
    }

    /// Calls a function that needs no policy.
    fn with_idle_instance<T>(
        &self,
        call: impl FnOnce(&crate::bindings::Pullgate, &mut wasmtime::Store<StoreBounds>) -> wasmtime::Result<T>,
    ) -> Result<T, ExecutionError> {
        let limits = &self.inner.limits;
        let checker = || self.inner.idle_instance.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = checker().take();
        let mut instance = match resting {
            Some(instance) => instance,
            None => Instance::new(self.component(), limits)?,
        };
        let result = instance.call(limits.decision_timeout, call)?;
        *checker() = Some(instance);
        Ok(result)
    }
}
