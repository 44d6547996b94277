//! The policy's life, where its source does not answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pullgate_daemon::policy::ReloadOutcome;
use pullgate_daemon::{PolicyDocument, PolicyError, PolicyProvider, PolicyStore};
use pullgate_host::{EvaluatorOptions, Module, now};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::json;
use tokio::runtime::Builder;

/// A policy that is read while nobody holds the lock.
#[derive(Clone, Default)]
struct LockedSource(Arc<Mutex<()>>);

impl LockedSource {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PolicyProvider for LockedSource {
    fn read(&self) -> Result<PolicyDocument, PolicyError> {
        drop(self.hold());
        Ok(PolicyDocument {
            json: r#"{"whitelist":[]}"#.to_owned(),
            render_findings: Box::new(|findings| format!("{findings:?}")),
        })
    }

    fn file_stamp(&self) -> Option<String> {
        Some(String::new())
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("it is not written".to_owned())
    }
}

/// A policy whose text and stamp a test says.
#[derive(Clone)]
struct ScriptedSource(Arc<Mutex<ScriptedText>>);

struct ScriptedText {
    read: Result<String, PolicyError>,
    stamp: String,
    /// What takes the place of a text as soon as it is written, and its stamp.
    next: Option<(String, String)>,
    reads: usize,
}

impl ScriptedSource {
    fn new(text: &str) -> Self {
        let (read, stamp) = (Ok(text.to_owned()), "first".to_owned());
        Self(Arc::new(Mutex::new(ScriptedText { read, stamp, next: None, reads: 0 })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut ScriptedText) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn policy_store(&self) -> Arc<PolicyStore> {
        let module = Module::built_in().unwrap();
        Arc::new(PolicyStore::load(module, Box::new(self.clone()), EvaluatorOptions::default()).unwrap().0)
    }
}

impl PolicyProvider for ScriptedSource {
    fn read(&self) -> Result<PolicyDocument, PolicyError> {
        self.with(|text| {
            text.reads += 1;
            let json = match &text.read {
                Ok(json) => json.clone(),
                Err(PolicyError::Refused(why)) => return Err(PolicyError::Refused(why.clone())),
                Err(error) => return Err(PolicyError::Unreadable(error.to_string())),
            };
            Ok(PolicyDocument { json, render_findings: Box::new(|findings| format!("{findings:?}")) })
        })
    }

    fn file_stamp(&self) -> Option<String> {
        Some(self.with(|text| text.stamp.clone()))
    }

    fn write(&self, json: &str) -> Result<(), String> {
        self.with(|text| (text.read, text.stamp) = (Ok(json.to_owned()), "written".to_owned()));
        if let Some((json, stamp)) = self.with(|text| text.next.take()) {
            self.with(|text| (text.read, text.stamp) = (Ok(json), stamp));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_file_that_takes_the_place_of_one_just_written_is_read() {
    let source = ScriptedSource::new(r#"{"whitelist":[]}"#);
    let policies = source.policy_store();
    let by_hand = r#"{"whitelist":["the-admins.example"]}"#;
    source.with(|text| text.next = Some((by_hand.to_owned(), "by hand".to_owned())));
    policies.replace(r#"{"insecure":["from-the-api.example"]}"#.to_owned(), None).await.unwrap();
    assert!(!policies.current().whitelist);
    assert!(policies.is_new("by hand"), "nobody has read it");
    policies.reload().await.unwrap();
    assert!(policies.current().whitelist && !policies.is_new("by hand"));
}

#[tokio::test]
async fn invalid_document_is_read_once_and_unreadable_file_is_retried() {
    let source = ScriptedSource::new(r#"{"whitelist":[]}"#);
    let policies = source.policy_store();
    source.with(|text| (text.read, text.stamp) = (Err(PolicyError::Refused("syntax".to_owned())), "bad".to_owned()));
    assert!(matches!(policies.reload().await, Err(PolicyError::Refused(_))));
    assert!(!policies.is_new("bad"));
    source.with(|text| text.read = Err(PolicyError::Unreadable("gone".to_owned())));
    assert!(matches!(policies.reload().await, Err(PolicyError::Unreadable(_))));
    assert!(policies.is_new("bad"));
    assert_eq!(source.with(|text| text.reads), 3);
}

#[tokio::test]
async fn a_policy_that_is_the_same_has_the_certificates_that_are_valid_by_now() {
    let begins = Duration::from_secs(now() + 2);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(1970, 1, 1) + begins;
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let policy = json!({"whitelist": ["registry.example"], "certificate_authorities": [{"pem": pem}]});
    let policies = ScriptedSource::new(&policy.to_string()).policy_store();
    let count = || policies.current().evaluator.authorities().len();
    assert_eq!(count(), 0);
    tokio::time::sleep(begins.saturating_sub(Duration::from_secs(now())) + Duration::from_millis(100)).await;
    assert!(matches!(policies.reload().await, Ok((ReloadOutcome::Unchanged, _))));
    assert_eq!((count(), policies.current().number), (1, 1));
}

#[test]
fn a_read_that_hangs_is_given_up_and_the_next_one_works() {
    let source = LockedSource::default();
    let (policies, _) =
        PolicyStore::load(Module::built_in().unwrap(), Box::new(source.clone()), EvaluatorOptions::default()).unwrap();
    let policies = Arc::new(policies);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let reload = || runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), policies.reload()).await });
    assert!(!policies.is_new(""));
    let held = source.hold();
    assert!(matches!(reload(), Ok(Err(PolicyError::Unreadable(_)))), "it waits no longer than it must");
    assert!(policies.is_new(""), "it is to be tried again");
    drop(held);
    let end = Instant::now() + Duration::from_secs(30);
    while !matches!(reload(), Ok(Ok(_))) {
        assert!(Instant::now() < end, "it does not recover");
    }
    assert!(!policies.is_new(""));
}
