//! Holds the current policy and replaces it atomically.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use base16ct::lower::encode_string;
use pullgate::Finding;
use pullgate_host::{Dns, EvaluatorOptions, LoadError, Module, PolicyEvaluator, now};
use pullgate_source::file_stamp::FileStamp;
use pullgate_source::{PolicyFile, PolicyFileError, PolicySource};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

/// Timeout for reading a policy, since a file system may not respond.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The error of a policy without `whitelist` where one is required.
const MISSING_WHITELIST: &str = "the policy has no `whitelist`, so that it allows every registry, and the setting \
    `require_whitelist` refuses that: write `whitelist = [...]`, which may be empty, or take the setting out";

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

impl From<PolicyFileError> for PolicyError {
    fn from(error: PolicyFileError) -> Self {
        match error {
            PolicyFileError::InvalidText(findings) => Self::Refused(findings),
            error => Self::Unreadable(error.to_string()),
        }
    }
}

/// One loaded policy, between two reloads.
pub struct Generation {
    /// The number; it counts up from 1.
    pub number: u64,
    /// The evaluator for admission.
    pub evaluator: PolicyEvaluator,
    /// The evaluator for the API, with instances of its own: what admits never waits for what only asks.
    pub api_evaluator: PolicyEvaluator,
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

    /// Returns whether the policy has this project (rule J1).
    pub fn has_project(&self, project: &str) -> bool {
        self.projects.iter().flatten().any(|(name, _)| name == project)
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

/// The options of the two evaluators of each generation.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Those for admission.
    pub admission: EvaluatorOptions,
    /// Those for the API.
    pub api: EvaluatorOptions,
}

impl From<EvaluatorOptions> for StoreOptions {
    fn from(options: EvaluatorOptions) -> Self {
        Self { admission: options.clone(), api: options }
    }
}

/// The current policy, and the means to replace it.
pub struct PolicyStore {
    module: Module,
    file: PolicyFile,
    options: StoreOptions,
    /// True if a policy without `whitelist` is refused.
    requires_whitelist: bool,
    current: ArcSwap<Generation>,
    /// Changes with each policy that becomes current.
    changes: watch::Sender<()>,
    /// The stamp of the last read text, taken before the read; `None` to force the next read.
    last_stamp: Mutex<Option<FileStamp>>,
    reader: TimedReader,
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
        file: PolicyFile,
        options: impl Into<StoreOptions>,
    ) -> Result<(Self, String), PolicyError> {
        let options = options.into();
        let last_stamp = Mutex::new(file.file_stamp());
        let document = file.read()?;
        let render = |findings| file.render_findings(&document, findings);
        let (generation, said) = load_generation(&module, document.json(), render, options.clone(), 1)?;
        let (current, changes) = (ArcSwap::from_pointee(generation), watch::Sender::default());
        let (reader, replace_lock) = (TimedReader::default(), tokio::sync::Mutex::default());
        let requires_whitelist = false;
        let store =
            Self { module, file, options, requires_whitelist, current, changes, last_stamp, reader, replace_lock };
        Ok((store, said))
    }

    /// Refuses every policy without `whitelist`, this one included (rule W1): a file that was cut off may have lost it.
    ///
    /// # Errors
    ///
    /// If the current policy has none.
    pub fn require_whitelist(mut self) -> Result<Self, PolicyError> {
        self.requires_whitelist = true;
        self.check_whitelist(&self.current())?;
        Ok(self)
    }

    /// Returns whether a policy without `whitelist` is refused.
    pub fn requires_whitelist(&self) -> bool {
        self.requires_whitelist
    }

    fn check_whitelist(&self, generation: &Generation) -> Result<(), PolicyError> {
        if self.requires_whitelist && !generation.whitelist {
            return Err(PolicyError::Refused(MISSING_WHITELIST.to_owned()));
        }
        Ok(())
    }

    /// Returns the module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Returns the resolvers of every generation: one, or one for admission and one for the API.
    pub fn resolvers(&self) -> Vec<Dns> {
        let (admission, api) = (self.options.admission.dns.as_ref(), self.options.api.dns.as_ref());
        let separate = api.filter(|api| !admission.is_some_and(|admission| admission.is_same(api)));
        admission.into_iter().chain(separate).cloned().collect()
    }

    /// Returns the options of the evaluators for admission.
    pub fn admission_options(&self) -> &EvaluatorOptions {
        &self.options.admission
    }

    /// Returns the options of the API's evaluators.
    pub fn api_options(&self) -> &EvaluatorOptions {
        &self.options.api
    }

    /// Returns the current generation. A holder keeps deciding by it across reloads.
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Returns a receiver that sees each later change of the current generation.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Returns the current stamp of the text; `None` if there is no file.
    pub fn file_stamp(&self) -> Option<FileStamp> {
        self.file.file_stamp()
    }

    /// Returns whether the stamp differs from that of the last read text.
    pub fn is_new(&self, stamp: FileStamp) -> bool {
        *self.lock_last_stamp() != Some(stamp)
    }

    fn lock_last_stamp(&self) -> MutexGuard<'_, Option<FileStamp>> {
        self.last_stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reloads the policy. On failure the current one stays.
    ///
    /// # Errors
    ///
    /// If the policy cannot be read or has errors.
    pub async fn reload(self: &Arc<Self>) -> Result<(ReloadOutcome, String), PolicyError> {
        let _replacing = self.replace_lock.lock().await;
        let (stamp, document) = self.read_file().await;
        // A bad text stays bad until it changes; a read error can pass at any time.
        *self.lock_last_stamp() = stamp.filter(|_| !matches!(document, Err(PolicyError::Unreadable(_))));
        let document = document?;
        self.run_blocking(move |policies| {
            let render = |findings| policies.file.render_findings(&document, findings);
            Ok(policies.swap(policies.load_next(document.json(), render)?))
        })
        .await
    }

    /// Reads the stamp and then the text.
    async fn read_file(&self) -> (Option<FileStamp>, Result<PolicySource, PolicyError>) {
        let file = self.file.clone();
        let read = self.reader.run(READ_TIMEOUT, move || (file.file_stamp(), file.read().map_err(PolicyError::from)));
        read.await.unwrap_or_else(|error| (None, Err(PolicyError::Unreadable(error.to_string()))))
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
            let loaded = policies.load_next(&json, |findings| format_findings(&findings))?;
            policies.file.replace(&json).map_err(|error| PolicyError::Refused(error.to_string()))?;
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

    fn load_next(
        &self,
        json: &str,
        render: impl Fn(Vec<Finding>) -> String,
    ) -> Result<(Generation, String), PolicyError> {
        let next = load_generation(&self.module, json, render, self.options.clone(), self.current().number + 1)?;
        self.check_whitelist(&next.0)?;
        Ok(next)
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
        self.changes.send_replace(());
        (if is_same { ReloadOutcome::Unchanged } else { ReloadOutcome::Replaced { old, new } }, said)
    }
}

/// Reads on a blocking thread, one at a time and with a timeout. A read that hangs blocks later reads, and only its own
/// thread.
#[derive(Default)]
struct TimedReader {
    /// Held by the thread that reads.
    lock: Arc<tokio::sync::Mutex<()>>,
}

/// An error of a timed read.
#[derive(Debug, Error)]
enum TimedReadError {
    #[error("the policy was not read within {} seconds: is its disk there?", .0.as_secs())]
    TimedOut(Duration),
    #[error("reading the policy failed: {0}")]
    Failed(#[from] JoinError),
}

impl TimedReader {
    async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TimedReadError> {
        let reading = async {
            let lock = Arc::clone(&self.lock).lock_owned().await;
            let done = spawn_blocking(move || {
                let _lock = lock;
                read()
            });
            Ok(done.await?)
        };
        timeout(limit, reading).await.unwrap_or(Err(TimedReadError::TimedOut(limit)))
    }
}

/// Loads a document into a generation, with an instance ready for the first decision.
fn load_generation(
    module: &Module,
    json: &str,
    render: impl Fn(Vec<Finding>) -> String,
    options: StoreOptions,
    number: u64,
) -> Result<(Generation, String), PolicyError> {
    let start = Instant::now();
    let report = module.check_policy(json, now()).map_err(|failure| PolicyError::Refused(failure.text))?;
    let Some(canonical) = report.canonical else {
        return Err(PolicyError::Refused(render(report.findings)));
    };
    // The text as written, so that entries keep their index.
    let (evaluator, findings) = match module.load(json, now(), options.admission) {
        Ok(loaded) => loaded,
        Err(LoadError::Policy(findings)) => return Err(PolicyError::Refused(render(findings))),
        Err(LoadError::Failed(failure)) => return Err(PolicyError::Refused(failure.text)),
    };
    let said = if findings.is_empty() { String::new() } else { render(findings) };
    let outline: PolicyOutline =
        serde_json::from_str(&canonical).map_err(|error| PolicyError::Refused(error.to_string()))?;
    let generation = Generation {
        number,
        sha256: encode_string(&Sha256::digest(&canonical)),
        whitelist: outline.whitelist.is_some(),
        projects: outline.projects(),
        api_evaluator: evaluator.separate(options.api),
        evaluator,
        canonical,
    };
    tracing::debug!(generation = number, took = ?start.elapsed(), "policy loaded");
    Ok((generation, said))
}

/// The members of a canonical document that say where whitelist mode is on. Entries are skipped: a million of them as
/// values would take more memory than the policy itself.
#[derive(Deserialize)]
struct PolicyOutline {
    whitelist: Option<IgnoredAny>,
    projects: Option<BTreeMap<String, PolicyOutline>>,
}

impl PolicyOutline {
    /// Returns the projects, each with whether it has a whitelist of its own; `None` if there are none.
    fn projects(self) -> Option<Vec<(String, bool)>> {
        let projects = self.projects.filter(|projects| !projects.is_empty())?;
        Some(projects.into_iter().map(|(name, lists)| (name, lists.whitelist.is_some())).collect())
    }
}

/// Formats findings without source excerpts.
fn format_findings(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| match finding.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}: {} ({})", finding.message, finding.code.as_str()),
        None => format!("{} ({})", finding.message, finding.code.as_str()),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn outline_has_the_modes_of_the_lists_and_of_each_project() {
        let outline = |json| {
            let outline: PolicyOutline = serde_json::from_str(json).unwrap();
            (outline.whitelist.is_some(), outline.projects())
        };
        assert_eq!(outline(r#"{"insecure": ["a"]}"#), (false, None));
        assert_eq!(outline(r#"{"whitelist": [], "projects": {}}"#), (true, None));
        assert_eq!(outline(r#"{"whitelist": null, "projects": null}"#), (false, None));
        let projects = r#"{"whitelist": ["a"], "projects": {"b": {"whitelist": ["c"]}, "a": {"insecure": []}}}"#;
        let expected = vec![("a".to_owned(), false), ("b".to_owned(), true)];
        assert_eq!(outline(projects), (true, Some(expected)));
    }

    #[tokio::test]
    async fn a_read_that_hangs_is_given_up_and_the_next_one_works() {
        let reader = TimedReader::default();
        let (release, released) = channel::<()>();
        let brief = Duration::from_millis(20);
        let hung = reader.run(brief, move || released.recv()).await;
        assert!(matches!(hung, Err(TimedReadError::TimedOut(_))), "it waits no longer than it must");
        assert!(matches!(reader.run(brief, || ()).await, Err(TimedReadError::TimedOut(_))), "one read at a time");
        release.send(()).unwrap();
        assert_eq!(reader.run(Duration::from_secs(30), || 1).await.unwrap(), 1);
    }
}
