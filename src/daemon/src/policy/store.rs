//! Holds the current policy and replaces it atomically.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use base16ct::lower::encode_string;
use pullgate::Finding;
use pullgate_host::{Dns, EvaluatorOptions, LoadError, Module, PolicyEvaluator, now};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Timeout for reading a policy, since a file system may not respond.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The source of the policy.
pub trait PolicyProvider: Send + Sync + 'static {
    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Unreadable`] if the source cannot be read, [`PolicyError::Refused`] if the text is no document.
    fn read(&self) -> Result<PolicyDocument, PolicyError>;

    /// Returns a stamp that changes whenever the text may have changed, without reading it; `None` if there is no file.
    fn file_stamp(&self) -> Option<String>;

    /// Replaces the text atomically.
    fn write(&self, text: &str) -> Result<(), String>;
}

/// A policy document as read.
pub struct PolicyDocument {
    /// The document as JSON.
    pub json: String,
    /// Renders findings about the document with their place in the source.
    pub render_findings: Box<dyn Fn(Vec<Finding>) -> String + Send>,
}

/// An error of loading or replacing the policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The source cannot be read; human-readable. The cause may be the machine, so that a retry can succeed.
    #[error("{0}")]
    Unreadable(String),
    /// The policy has errors, cannot be written, or the module failed; human-readable.
    #[error("{0}")]
    Refused(String),
    /// The current policy is not the one to be replaced.
    #[error("{0}")]
    Outdated(String),
}

/// One loaded policy, between two reloads.
pub struct Generation {
    /// The number; it counts up from 1.
    pub number: u64,
    /// The evaluator.
    pub evaluator: PolicyEvaluator,
    /// The document in canonical form, as JSON.
    pub canonical: String,
    /// SHA-256 of the canonical form, in lower-case hexadecimal.
    pub sha256: String,
    /// True if the global lists have whitelist mode on (rule W1).
    pub whitelist: bool,
    /// The projects, each with whether it has a whitelist of its own; `None` if there are none (rule J1).
    projects: Option<Vec<(String, bool)>>,
}

impl Generation {
    /// Returns whether whitelist mode is on for requests of a project (rules W1 and J1).
    pub fn in_whitelist_mode(&self, project: Option<&str>) -> bool {
        let of = |name: &str| self.projects.iter().flatten().any(|(project, whitelist)| project == name && *whitelist);
        self.whitelist || project.is_some_and(of)
    }

    /// Returns the entity tag (RFC 9110, section 8.8.3).
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// Returns whether the policy has projects (rule J1).
    pub fn has_projects(&self) -> bool {
        self.projects.is_some()
    }
}

/// The current policy, and the means to replace it.
pub struct PolicyStore {
    module: Module,
    source: Arc<dyn PolicyProvider>,
    options: EvaluatorOptions,
    current: ArcSwap<Generation>,
    /// The stamp of the last read text, taken before the read; `None` to force the next read.
    last_stamp: Mutex<Option<String>>,
    /// Held by the thread that reads the text.
    read_lock: Arc<tokio::sync::Mutex<()>>,
    /// Held during a replacement.
    replace_lock: tokio::sync::Mutex<()>,
}

/// The outcome of a reload.
pub enum ReloadOutcome {
    /// The canonical document is identical.
    Unchanged,
    /// Another policy is current.
    Replaced {
        /// The previous policy.
        old: Arc<Generation>,
        /// The current policy.
        new: Arc<Generation>,
    },
}

impl PolicyStore {
    /// Loads the first policy. Returns the findings with it, human-readable.
    ///
    /// # Errors
    ///
    /// If the policy cannot be read or has errors.
    pub fn load(
        module: Module,
        source: Box<dyn PolicyProvider>,
        options: EvaluatorOptions,
    ) -> Result<(Self, String), PolicyError> {
        let read = Mutex::new(source.file_stamp());
        let text = source.read()?;
        let (generation, said) = load_generation(&module, &text, options.clone(), 1)?;
        let current = ArcSwap::from_pointee(generation);
        let (reading, replacing) = (Arc::default(), tokio::sync::Mutex::default());
        Ok((
            Self {
                module,
                source: source.into(),
                options,
                current,
                last_stamp: read,
                read_lock: reading,
                replace_lock: replacing,
            },
            said,
        ))
    }

    /// Returns the module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Returns the resolver of every generation.
    pub fn dns(&self) -> Option<&Dns> {
        self.options.dns.as_ref()
    }

    /// Returns the current generation. A holder keeps deciding by it across reloads.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Returns the current stamp of the text; `None` if there is no file.
    pub fn file_stamp(&self) -> Option<String> {
        self.source.file_stamp()
    }

    /// Returns whether the stamp differs from that of the last read text.
    pub fn is_new(&self, stamp: &str) -> bool {
        self.lock_last_stamp().as_deref() != Some(stamp)
    }

    fn lock_last_stamp(&self) -> MutexGuard<'_, Option<String>> {
        self.last_stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reloads the policy. On failure the current one stays.
    ///
    /// # Errors
    ///
    /// If the policy cannot be read or has errors.
    pub async fn reload(self: &Arc<Self>) -> Result<(ReloadOutcome, String), PolicyError> {
        let _replacing = self.replace_lock.lock().await;
        let (stamp, text) = self.read_source().await;
        // A bad text stays bad until it changes; a read error can pass at any time.
        *self.lock_last_stamp() = stamp.filter(|_| !matches!(text, Err(PolicyError::Unreadable(_))));
        let text = text?;
        self.run_blocking(move |policies| policies.load_and_swap(&text)).await
    }

    /// Reads the stamp and then the text. A read that hangs blocks later reads, and only its own thread.
    async fn read_source(&self) -> (Option<String>, Result<PolicyDocument, PolicyError>) {
        let source = Arc::clone(&self.source);
        let read = async {
            let reading = Arc::clone(&self.read_lock).lock_owned().await;
            let read = spawn_blocking(move || {
                let _reading = reading;
                let stamp = source.file_stamp();
                (stamp, source.read())
            });
            read.await.unwrap_or_else(|error| unreadable(format!("reading the policy failed: {error}")))
        };
        let late = || format!("the policy was not read within {} seconds: is its disk there?", READ_TIMEOUT.as_secs());
        timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| unreadable(late()))
    }

    /// Replaces the policy by a JSON document: checked, then written, then in effect. With `wanted`, only if the
    /// current policy has this entity tag.
    ///
    /// # Errors
    ///
    /// If the document has errors or cannot be written, or another replacement came first; then nothing changes.
    pub async fn replace(
        self: &Arc<Self>,
        json: String,
        wanted: Option<&str>,
    ) -> Result<(ReloadOutcome, String), PolicyError> {
        let _replacing = self.replace_lock.lock().await;
        let tag = self.current().etag();
        if wanted.is_some_and(|wanted| wanted != tag && wanted != "*") {
            return Err(PolicyError::Outdated(format!("the policy is not that one any more: its tag is {tag}")));
        }
        self.run_blocking(move |policies| {
            let number = policies.current().number + 1;
            let show = Box::new(|findings: Vec<Finding>| format_findings(&findings));
            let text = PolicyDocument { json, render_findings: show };
            let loaded = load_generation(&policies.module, &text, policies.options.clone(), number)?;
            policies.source.write(&text.json).map_err(PolicyError::Refused)?;
            // Another text may have replaced the written one already, and its stamp must not pass for that of this one.
            *policies.lock_last_stamp() = None;
            Ok(policies.swap(loaded))
        })
        .await
    }

    async fn run_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, PolicyError> + Send + 'static,
    ) -> Result<T, PolicyError> {
        let policies = Arc::clone(self);
        spawn_blocking(move || work(&policies))
            .await
            .unwrap_or_else(|error| Err(PolicyError::Refused(format!("loading the policy failed: {error}"))))
    }

    fn load_and_swap(&self, text: &PolicyDocument) -> Result<(ReloadOutcome, String), PolicyError> {
        let loaded = load_generation(&self.module, text, self.options.clone(), self.current().number + 1)?;
        Ok(self.swap(loaded))
    }

    fn swap(&self, (mut generation, said): (Generation, String)) -> (ReloadOutcome, String) {
        let old = self.current();
        let is_same = old.canonical == generation.canonical;
        if is_same {
            // The new generation is stored all the same: certificates that were not yet valid may be valid by now.
            generation.number = old.number;
        }
        let new = Arc::new(generation);
        self.current.store(Arc::clone(&new));
        (if is_same { ReloadOutcome::Unchanged } else { ReloadOutcome::Replaced { old, new } }, said)
    }
}

fn unreadable(why: String) -> (Option<String>, Result<PolicyDocument, PolicyError>) {
    (None, Err(PolicyError::Unreadable(why)))
}

/// Loads a document into a generation, with an instance ready for the first decision.
fn load_generation(
    module: &Module,
    text: &PolicyDocument,
    options: EvaluatorOptions,
    number: u64,
) -> Result<(Generation, String), PolicyError> {
    let start = Instant::now();
    let report = module.check_policy(&text.json, now()).map_err(|failure| PolicyError::Refused(failure.text))?;
    let Some(canonical) = report.canonical else {
        return Err(PolicyError::Refused((text.render_findings)(report.findings)));
    };
    // The text as written, so that entries keep their index.
    let (evaluator, findings) = match module.load(&text.json, now(), options) {
        Ok(loaded) => loaded,
        Err(LoadError::Policy(findings)) => return Err(PolicyError::Refused((text.render_findings)(findings))),
        Err(LoadError::Failed(failure)) => return Err(PolicyError::Refused(failure.text)),
    };
    let said = if findings.is_empty() { String::new() } else { (text.render_findings)(findings) };
    let document: Value = serde_json::from_str(&canonical).map_err(|error| PolicyError::Refused(error.to_string()))?;
    let generation = Generation {
        number,
        sha256: encode_string(&Sha256::digest(&canonical)),
        whitelist: has_whitelist(&document),
        projects: read_projects(&document),
        evaluator: evaluator,
        canonical,
    };
    tracing::debug!(generation = number, took = ?start.elapsed(), "policy loaded");
    Ok((generation, said))
}

fn has_whitelist(lists: &Value) -> bool {
    lists.get("whitelist").is_some_and(Value::is_array)
}

fn read_projects(document: &Value) -> Option<Vec<(String, bool)>> {
    let projects = document.get("projects")?.as_object()?;
    (!projects.is_empty()).then(|| projects.iter().map(|(name, lists)| (name.clone(), has_whitelist(lists))).collect())
}

/// Formats findings without source excerpts.
fn format_findings(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| match finding.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}: {} ({})", finding.message, finding.code.as_str()),
        None => format!("{} ({})", finding.message, finding.code.as_str()),
    });
    lines.collect::<Vec<_>>().join("\n")
}
