//! Reloads of the policy and of TLS files, with their log and metrics.

use std::sync::Arc;
use std::time::Duration;

use pullgate_host::now;
use pullgate_source::file_stamp::FileStamp;
use serde::Serialize;

use crate::admission::Admission;
use crate::policy::store::{Generation, PolicyError, ReloadOutcome};
use crate::server::bearer_token::{BearerToken, BearerTokenError};
use crate::server::{ReloadingTlsAcceptor, TlsError};

/// Maximum total size in bytes of two documents whose difference is logged.
const MAX_DIFF_BYTES: usize = 4 << 20;

/// Maximum number of differences logged.
const MAX_LOGGED_REGIONS: usize = 50;

/// Interval at which files are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Number of polls for which a file may be missing, as a file being replaced briefly is.
const MISSING_POLLS: u32 = 6;

/// Reloads the policy, and logs and counts the outcome.
pub async fn reload(admission: &Arc<Admission>) {
    let done = admission.policy_store().reload().await;
    report_reload(admission, &done);
}

/// Replaces the policy. With `wanted`, only if the current policy has this entity tag. A refusal is not counted as a
/// failed load, as the policy file is unaffected and the client gets the error.
///
/// # Errors
///
/// If the document has errors or cannot be written, or the current policy has another tag.
pub async fn replace(admission: &Arc<Admission>, json: String, wanted: Option<&str>) -> Result<(), PolicyError> {
    let done = admission.policy_store().replace(json, wanted).await;
    if done.is_ok() {
        report_reload(admission, &done);
    }
    done.map(drop)
}

/// Reloads the policy, the TLS files and the token when their files change. Polls their stamps twice a second, which is
/// cheap, works on every file system, and sees ConfigMap updates.
pub async fn watch_files(
    admission: Arc<Admission>,
    tls: Option<ReloadingTlsAcceptor>,
    token: Option<Arc<BearerToken>>,
) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    let (mut before, mut gone, mut told) = (None, 0, None);
    if let Some(tls) = &tls {
        admission.metrics().record_expiration("tls", tls.not_after());
    }
    loop {
        ticks.tick().await;
        let Ok(FileChanges { policy: now, tls: tls_read, token: token_read }) =
            poll_files(&admission, &tls, &token).await
        else {
            continue;
        };
        gone = if now.is_none() { gone + 1 } else { 0 };
        let due = match now {
            // Two equal stamps are required: a file still being written may lack a whitelist at its end.
            Some(stamp) => admission.policy_store().is_new(stamp) && now == before,
            None => gone >= MISSING_POLLS,
        };
        if due {
            told = retry(&admission, now, told).await;
        }
        before = now;
        match (tls_read, &tls) {
            (Ok(true), Some(tls)) => {
                admission.metrics().record_expiration("tls", tls.not_after());
                tracing::info!("the TLS certificate was read again");
            }
            (Ok(_), _) => {}
            (Err(error), _) => tracing::error!(%error, "the TLS certificate stays as it was"),
        }
        match token_read {
            Ok(false) => {}
            Ok(true) => tracing::info!("the token was read again"),
            Err(error) => tracing::error!(%error, "no token is taken until its file can be used"),
        }
    }
}

/// The result of one poll.
struct FileChanges {
    /// The stamp of the policy.
    policy: Option<FileStamp>,
    /// True if the TLS files were reloaded, or the error.
    tls: Result<bool, TlsError>,
    /// True if the token was reloaded, or the error.
    token: Result<bool, BearerTokenError>,
}

/// Polls the files on a blocking thread: a file system that does not respond stops this task and no decision.
async fn poll_files(
    admission: &Arc<Admission>,
    tls: &Option<ReloadingTlsAcceptor>,
    token: &Option<Arc<BearerToken>>,
) -> Result<FileChanges, tokio::task::JoinError> {
    let (admission, tls, token) = (Arc::clone(admission), tls.clone(), token.clone());
    tokio::task::spawn_blocking(move || FileChanges {
        policy: admission.policy_store().file_stamp(),
        tls: tls.map_or(Ok(false), |tls| tls.refresh()),
        token: token.map_or(Ok(false), |token| token.refresh()),
    })
    .await
}

/// The last reported read error, with the stamp.
type ReportedError = Option<(Option<FileStamp>, String)>;

/// Reloads the policy. An unreadable file is retried and its error reported once.
async fn retry(admission: &Arc<Admission>, stamp: Option<FileStamp>, told: ReportedError) -> ReportedError {
    let done = admission.policy_store().reload().await;
    let telling = match &done {
        Err(PolicyError::Unreadable(why)) => Some((stamp, why.clone())),
        _ => None,
    };
    if telling.is_none() || telling != told {
        report_reload(admission, &done);
    }
    telling
}

fn report_reload(admission: &Arc<Admission>, done: &Result<(ReloadOutcome, String), PolicyError>) {
    let metrics = admission.metrics();
    match done {
        Ok((reloaded, findings)) => {
            if !findings.is_empty() {
                tracing::warn!("what there is to say about the policy:\n{findings}");
            }
            match reloaded {
                ReloadOutcome::Unchanged => {
                    metrics.record_load("unchanged");
                    metrics.record_policy(&admission.current_policy());
                    tracing::info!("the policy was read again and is the same");
                }
                ReloadOutcome::Replaced { old, new } => {
                    metrics.record_load("replaced");
                    metrics.record_policy(new);
                    tracing::info!(generation = new.number, sha256 = new.sha256, "there is a new policy");
                    if old.whitelist && !new.whitelist {
                        tracing::warn!("whitelist mode is off now: every registry is allowed");
                    }
                    let (admission, old, new) = (Arc::clone(admission), Arc::clone(old), Arc::clone(new));
                    tokio::task::spawn_blocking(move || log_policy_diff(&admission, &old, &new));
                }
            }
        }
        Err(error) => {
            metrics.record_load("failed");
            tracing::error!(
                generation = admission.current_policy().number,
                "the new policy cannot be used, and the old one stays in effect:\n{error}"
            );
        }
    }
}

/// Logs the effects of a change (rule A1).
fn log_policy_diff(admission: &Admission, old: &Generation, new: &Generation) {
    if old.canonical.len() + new.canonical.len() > MAX_DIFF_BYTES {
        tracing::info!("the policies are too large to describe the change here: see `pullgate compare`");
        return;
    }
    match admission.policy_store().module().compare(&old.canonical, &new.canonical, now()) {
        Ok(Ok(comparison)) => {
            for region in comparison.regions.iter().take(MAX_LOGGED_REGIONS) {
                tracing::info!(
                    change = kebab_name(region.change),
                    such_as = region.witness.reference,
                    "{}",
                    region.text
                );
            }
            let more = comparison.regions.len().saturating_sub(MAX_LOGGED_REGIONS);
            tracing::info!(verdict = kebab_name(comparison.verdict), more, "that is what the change does");
        }
        Ok(Err(_)) => tracing::error!("the change cannot be described: a policy does not load any more"),
        Err(failure) => tracing::error!(error = failure.text, "the change cannot be described"),
    }
}

/// Returns the name of a value in reports.
fn kebab_name(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
