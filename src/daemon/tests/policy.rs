//! The policy's life, where its source does not answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pullgate_daemon::policy::PolicyError;
use pullgate_daemon::{Policies, PolicySource, PolicyText};
use pullgate_host::Module;
use tokio::runtime::Builder;

/// A policy that is read while nobody holds the lock.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<()>>);

impl Held {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PolicySource for Held {
    fn read(&self) -> Result<PolicyText, String> {
        drop(self.hold());
        Ok(PolicyText { json: r#"{"whitelist":[]}"#.to_owned(), show: Box::new(|findings| format!("{findings:?}")) })
    }

    fn stamp(&self) -> Option<String> {
        Some(String::new())
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("it is not written".to_owned())
    }
}

#[test]
fn a_read_that_hangs_is_given_up_and_the_next_one_works() {
    let source = Held::default();
    let (policies, _) = Policies::load(Module::built_in().unwrap(), Box::new(source.clone()), None).unwrap();
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
