//! The policy's life: loaded at the start, replaced as a whole, never half.

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

/// How long reading a policy may take: a file system may not answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the policy comes from.
pub trait PolicyProvider: Send + Sync + 'static {
    /// Reads it as it is now.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Unreadable`] if it cannot be had, [`PolicyError::Refused`] if what was read is no document.
    fn read(&self) -> Result<PolicyDocument, PolicyError>;

    /// Something that changes whenever the text may have changed, without reading it; `None` if there is none to be seen.
    fn file_stamp(&self) -> Option<String>;

    /// Writes another text in place of the one that there is, at once or not at all.
    fn write(&self, text: &str) -> Result<(), String>;
}

/// A policy as it was read.
pub struct PolicyDocument {
    /// The document as JSON, for the rules.
    pub json: String,
    /// Shows findings about it to a person, each with its place.
    pub render_findings: Box<dyn Fn(Vec<Finding>) -> String + Send>,
}

/// Why there is no new policy.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// It cannot be read: why, for a person. That may be the machine's fault, and be another time.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be written, or has errors, or the module failed: why, for a person.
    #[error("{0}")]
    Refused(String),
    /// The current policy is not the one that was to be replaced.
    #[error("{0}")]
    Outdated(String),
}

/// One policy, from when it was loaded until the next one.
pub struct Generation {
    /// Counts up from 1.
    pub number: u64,
    /// What decides.
    pub evaluator: PolicyEvaluator,
    /// The document in canonical form, as JSON.
    pub canonical: String,
    /// The SHA-256 of the canonical form, in lower-case hexadecimal.
    pub sha256: String,
    /// Whether the global lists have whitelist mode on (rule W1).
    pub whitelist: bool,
    /// The projects of the policy, each with whether it has a whitelist of its own; `None` if it has none at all (rule J1).
    projects: Option<Vec<(String, bool)>>,
}

impl Generation {
    /// Whether whitelist mode is on for requests of a project (rules W1 and J1).
    pub fn in_whitelist_mode(&self, project: Option<&str>) -> bool {
        let of = |name: &str| self.projects.iter().flatten().any(|(project, whitelist)| project == name && *whitelist);
        self.whitelist || project.is_some_and(of)
    }

    /// Its tag for HTTP (RFC 9110, section 8.8.3).
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// Whether requests name a project here (rule J1).
    pub fn has_projects(&self) -> bool {
        self.projects.is_some()
    }
}

/// The current policy, and how to get the next one.
pub struct PolicyStore {
    module: Module,
    source: Arc<dyn PolicyProvider>,
    options: EvaluatorOptions,
    current: ArcSwap<Generation>,
    /// The stamp of the text that was read last, taken before it was; `None` if it is to be read in any case.
    last_stamp: Mutex<Option<String>>,
    /// Held while the text is read, by the thread that does.
    read_lock: Arc<tokio::sync::Mutex<()>>,
    /// Held while one policy takes another's place.
    replace_lock: tokio::sync::Mutex<()>,
}

/// What became of a reload.
pub enum ReloadOutcome {
    /// The document means the same to the letter.
    Unchanged,
    /// There is another policy now.
    Replaced {
        /// The one that was current.
        old: Arc<Generation>,
        /// The one that is.
        new: Arc<Generation>,
    },
}

impl PolicyStore {
    /// Loads the first policy. With it come what there is to say about it, for a person.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or has errors.
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

    /// The module that decides.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The DNS that every generation asks.
    pub fn dns(&self) -> Option<&Dns> {
        self.options.dns.as_ref()
    }

    /// The policy that is current now. Who holds it decides by it to the end, whatever comes after it.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// The stamp of the text as it is now; `None` if there is none to be seen.
    pub fn file_stamp(&self) -> Option<String> {
        self.source.file_stamp()
    }

    /// Whether the text with this stamp is another one than was read last.
    pub fn is_new(&self, stamp: &str) -> bool {
        self.lock_last_stamp().as_deref() != Some(stamp)
    }

    fn lock_last_stamp(&self) -> MutexGuard<'_, Option<String>> {
        self.last_stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the policy again. Where that fails the current one stays.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or has errors.
    pub async fn reload(self: &Arc<Self>) -> Result<(ReloadOutcome, String), PolicyError> {
        let _replacing = self.replace_lock.lock().await;
        let (stamp, text) = self.read_source().await;
        // What is wrong with a text stays wrong until it changes; what kept it from being read may end at any time.
        *self.lock_last_stamp() = stamp.filter(|_| !matches!(text, Err(PolicyError::Unreadable(_))));
        let text = text?;
        self.run_blocking(move |policies| policies.load_and_swap(&text)).await
    }

    /// Reads the text, after its stamp. One that takes too long holds up those after it, and no more threads than its own.
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

    /// Takes another document, JSON, in place of the policy: checked, then written, then in effect. With `wanted`, only in
    /// place of the policy that has this tag.
    ///
    /// # Errors
    ///
    /// If it has errors or cannot be written, or another policy came first; then nothing changes.
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
            // Another text may have taken the place of this one since, and its stamp must not pass for that of this one.
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
            // It takes the other's place all the same: certificates that were not valid yet when it was read may be by now.
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

/// Loads a document. A decision is asked of it at once, so that nobody waits for the first.
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
    // The text as it was written, so that an entry has the index that it has there.
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

/// Findings without a text that they could be shown in.
fn format_findings(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| match finding.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}: {} ({})", finding.message, finding.code.as_str()),
        None => format!("{} ({})", finding.message, finding.code.as_str()),
    });
    lines.collect::<Vec<_>>().join("\n")
}
