//! The policy store over a policy file.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pullgate_daemon::policy::ReloadOutcome;
use pullgate_daemon::{PolicyError, PolicyStore};
use pullgate_host::{EvaluatorOptions, Module, now};
use pullgate_source::PolicyFile;
use pullgate_tests::vectors;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::json;
use tempfile::{TempDir, tempdir};

/// Returns a store that has loaded a file with this text, and the folder of the file `policy.json`.
fn store_of(text: &str) -> (Arc<PolicyStore>, TempDir) {
    let folder = tempdir().unwrap();
    let path = policy_path(&folder);
    fs::write(&path, text).unwrap();
    let module = Module::built_in().unwrap();
    let (policies, _) = PolicyStore::load(module, PolicyFile::new(path), EvaluatorOptions::default()).unwrap();
    (Arc::new(policies), folder)
}

fn policy_path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("policy.json")
}

/// Returns whether the file as it now is counts as new.
fn is_new(policies: &PolicyStore) -> bool {
    policies.is_new(policies.file_stamp().unwrap())
}

#[tokio::test]
async fn a_file_that_takes_the_place_of_one_just_written_is_read() {
    let (policies, folder) = store_of(r#"{"whitelist":[]}"#);
    policies.replace(r#"{"insecure":["from-the-api.example"]}"#.to_owned(), None).await.unwrap();
    assert!(!policies.current().whitelist);
    assert!(is_new(&policies), "nobody has read it: it need not be the one just written");
    fs::write(policy_path(&folder), r#"{"whitelist":["the-admins.example"]}"#).unwrap();
    policies.reload().await.unwrap();
    assert!(policies.current().whitelist && !is_new(&policies));
}

#[tokio::test]
async fn invalid_document_is_read_once_and_unreadable_file_is_retried() {
    let (policies, folder) = store_of(r#"{"whitelist":[]}"#);
    let path: &Path = &policy_path(&folder);
    assert!(!is_new(&policies));
    fs::write(path, "{").unwrap();
    assert!(is_new(&policies));
    assert!(matches!(policies.reload().await, Err(PolicyError::Refused(_))));
    assert!(!is_new(&policies));
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    assert!(matches!(policies.reload().await, Err(PolicyError::Unreadable(_))));
    assert!(is_new(&policies));
    assert!(policies.current().whitelist, "the old policy stays");
}

/// Rule P3: a document loads at the start, on a reload and as a replacement alike, as the rules say.
#[tokio::test]
async fn documents_load_alike_at_every_entrance() {
    let cases = vectors::all().into_iter().filter(|case| case.rule.iter().any(|rule| rule == "P3"));
    for case in cases {
        let (Some(document), Some(loads)) = (case.document(), case.expect.loads) else { continue };
        let name = &case.name;
        let folder = tempdir().unwrap();
        fs::write(policy_path(&folder), document).unwrap();
        let file = PolicyFile::new(policy_path(&folder));
        let started = PolicyStore::load(Module::built_in().unwrap(), file, EvaluatorOptions::default());
        assert_eq!(started.is_ok(), loads, "{name}");

        let (policies, folder) = store_of(r#"{"whitelist":["before.example"]}"#);
        let before = policies.current().etag();
        fs::write(policy_path(&folder), document).unwrap();
        assert_eq!(policies.reload().await.is_ok(), loads, "{name}");
        assert_eq!(policies.current().etag() != before, loads, "{name}");

        let (policies, folder) = store_of(r#"{"whitelist":["before.example"]}"#);
        assert_eq!(policies.replace(document.to_owned(), Some(&before)).await.is_ok(), loads, "{name}");
        assert_eq!(fs::read_to_string(policy_path(&folder)).unwrap() == document, loads, "{name}");
        if loads {
            // The canonical form, which is given out, loads too and is the same policy.
            let current = policies.current();
            let again = policies.replace(current.canonical.clone(), Some(&current.etag())).await;
            assert!(matches!(again, Ok((ReloadOutcome::Unchanged, _))), "{name}");
        }
    }
}

#[tokio::test]
async fn a_policy_that_is_the_same_has_the_certificates_that_are_valid_by_now() {
    let begins = Duration::from_secs(now() + 2);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(1970, 1, 1) + begins;
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let policy = json!({"whitelist": ["registry.example"], "certificate_authorities": [{"pem": pem}]});
    let (policies, _folder) = store_of(&policy.to_string());
    let count = || policies.current().evaluator.authorities().len();
    assert_eq!(count(), 0);
    tokio::time::sleep(begins.saturating_sub(Duration::from_secs(now())) + Duration::from_millis(100)).await;
    assert!(matches!(policies.reload().await, Ok((ReloadOutcome::Unchanged, _))));
    assert_eq!((count(), policies.current().number), (1, 1));
}
