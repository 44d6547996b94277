//! One policy taking another's place, with what there is to say about it.

use std::sync::Arc;
use std::time::Duration;

use pullgate_host::now;
use serde::Serialize;

use crate::admission::Admission;
use crate::policy::store::{Generation, PolicyError, Reloaded};
use crate::server::Tls;
use crate::server::bearer_token::Token;

/// The largest documents of which a change is described in the log, in bytes together.
const DESCRIBED: usize = 4 << 20;

/// How many differences are logged.
const SHOWN: usize = 50;

/// How often the policy's file is looked at.
const TICK: Duration = Duration::from_millis(500);

/// For how many looks a file may be gone: one that is replaced is gone for a moment.
const GONE: u32 = 6;

/// Reads the policy again, and says in log and metrics what came of it.
pub async fn reload(admission: &Arc<Admission>) {
    let done = admission.policies().reload().await;
    said(admission, &done);
}

/// Takes another document in place of the policy. With `wanted`, only if that is the tag of the current one. What is refused
/// is nothing that became of the policy's file, and whoever sent it is told.
///
/// # Errors
///
/// If the document has errors or cannot be written, or the current policy has another tag.
pub async fn replace(admission: &Arc<Admission>, json: String, wanted: Option<&str>) -> Result<(), PolicyError> {
    let done = admission.policies().replace(json, wanted).await;
    if done.is_ok() {
        said(admission, &done);
    }
    done.map(drop)
}

/// Reads the policy again whenever its file has changed: looks twice a second, which costs nothing, works for every file
/// system, and sees a Kubernetes ConfigMap change. So it does with the files of TLS and of the token.
pub async fn watch(admission: Arc<Admission>, tls: Option<Tls>, token: Option<Arc<Token>>) {
    let mut ticks = tokio::time::interval(TICK);
    let (mut before, mut gone, mut told) = (None, 0, None);
    if let Some(tls) = &tls {
        admission.metrics().expires("tls", tls.not_after());
    }
    loop {
        ticks.tick().await;
        let Ok(Looked { policy: now, tls: tls_read, token: token_read }) = look(&admission, &tls, &token).await else {
            continue;
        };
        gone = if now.is_none() { gone + 1 } else { 0 };
        let due = match &now {
            // A file that is still being written may be shorter than what is meant, and a whitelist at its end not be there
            // yet.
            Some(stamp) => admission.policies().is_new(stamp) && now == before,
            None => gone >= GONE,
        };
        if due {
            told = again(&admission, &now, told).await;
        }
        before = now;
        match (tls_read, &tls) {
            (Ok(true), Some(tls)) => {
                admission.metrics().expires("tls", tls.not_after());
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

/// What a look at the files has found.
struct Looked {
    /// The stamp of the policy.
    policy: Option<String>,
    /// Whether the files of TLS were read again, or why not.
    tls: Result<bool, String>,
    /// Whether the token was.
    token: Result<bool, String>,
}

/// Looks at the files, on a thread of its own: a file system that does not answer holds up this, and no decision.
async fn look(
    admission: &Arc<Admission>,
    tls: &Option<Tls>,
    token: &Option<Arc<Token>>,
) -> Result<Looked, tokio::task::JoinError> {
    let (admission, tls, token) = (Arc::clone(admission), tls.clone(), token.clone());
    tokio::task::spawn_blocking(move || Looked {
        policy: admission.policies().stamp(),
        tls: tls.map_or(Ok(false), |tls| tls.refresh()),
        token: token.map_or(Ok(false), |token| token.refresh()),
    })
    .await
}

/// What was said of a file that cannot be read: its stamp, and why.
type Told = Option<(Option<String>, String)>;

/// Reads the policy again. A file that cannot be read is tried again and again, and spoken of once.
async fn again(admission: &Arc<Admission>, stamp: &Option<String>, told: Told) -> Told {
    let done = admission.policies().reload().await;
    let telling = match &done {
        Err(PolicyError::Unreadable(why)) => Some((stamp.clone(), why.clone())),
        _ => None,
    };
    if telling.is_none() || telling != told {
        said(admission, &done);
    }
    telling
}

fn said(admission: &Arc<Admission>, done: &Result<(Reloaded, String), PolicyError>) {
    let metrics = admission.metrics();
    match done {
        Ok((reloaded, findings)) => {
            if !findings.is_empty() {
                tracing::warn!("what there is to say about the policy:\n{findings}");
            }
            match reloaded {
                Reloaded::Unchanged => {
                    metrics.loaded("unchanged");
                    metrics.in_effect(&admission.begin());
                    tracing::info!("the policy was read again and is the same");
                }
                Reloaded::Replaced { old, new } => {
                    metrics.loaded("replaced");
                    metrics.in_effect(new);
                    tracing::info!(generation = new.number, sha256 = new.sha256, "there is a new policy");
                    if old.whitelist && !new.whitelist {
                        tracing::warn!("whitelist mode is off now: every registry is allowed");
                    }
                    let (admission, old, new) = (Arc::clone(admission), Arc::clone(old), Arc::clone(new));
                    tokio::task::spawn_blocking(move || describe(&admission, &old, &new));
                }
            }
        }
        Err(error) => {
            metrics.loaded("failed");
            tracing::error!(
                generation = admission.begin().number,
                "the new policy cannot be used, and the old one stays in effect:\n{error}"
            );
        }
    }
}

/// Logs what a change does (rule A1).
fn describe(admission: &Admission, old: &Generation, new: &Generation) {
    if old.canonical.len() + new.canonical.len() > DESCRIBED {
        tracing::info!("the policies are too large to describe the change here: see `pullgate compare`");
        return;
    }
    match admission.policies().module().compare(&old.canonical, &new.canonical, now()) {
        Ok(Ok(comparison)) => {
            for region in comparison.regions.iter().take(SHOWN) {
                tracing::info!(change = word(region.change), such_as = region.witness.reference, "{}", region.text);
            }
            let more = comparison.regions.len().saturating_sub(SHOWN);
            tracing::info!(verdict = word(comparison.verdict), more, "that is what the change does");
        }
        Ok(Err(_)) => tracing::error!("the change cannot be described: a policy does not load any more"),
        Err(failure) => tracing::error!(error = failure.text, "the change cannot be described"),
    }
}

/// What a report calls it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
