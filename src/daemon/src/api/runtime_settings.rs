//! The endpoints of runtimes' settings: a policy as the settings of a runtime, and settings as a policy.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use pullgate::Finding;
use pullgate_host::{Module, PolicyEvaluator, now};
use pullgate_runtimes::{
    ExportError, ExportReport, ExportRequest, GateAddress, HostFiles, ImportReport, ImportSource, PolicyContext,
    PolicyView, PolicyViewError, SourceDetectionError, SourceFile, Target, detect_sources,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::{JoinError, spawn_blocking};
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::decide::{evaluator_for, internal_error, parse_json};
use crate::api::error::ApiError;
use crate::api::request_body::{self, BufferedBody, MAX_REQUEST_BYTES};
use crate::api::response::buffered_json;
use crate::policy::EvaluatorDecisions;
use crate::util::bounded_list::BoundedList;
use crate::util::strict_json::JsonObject;

/// Maximum number of entries of a policy that is exported, and of words of files: exporters and importers compare some
/// of them with each other.
const MAX_ENTRIES: usize = 10_000;

/// Maximum size of the certificates in an export in bytes: each registry has those of all authorities at most.
const MAX_EXPORTED_CERTIFICATES: usize = 32 << 20;

/// Maximum number of files of a request.
const MAX_FILES: usize = 1_000;

/// A request to export a policy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExportSettingsRequest {
    /// The runtime: `docker`, `containerd`, `containers`, `k3s`, `openshift`, `kubernetes`, `vic-machine` or `vch`.
    target: String,
    /// A policy document to use in place of the daemon's own.
    #[schema(value_type = Option<Object>)]
    policy: Option<Box<RawValue>>,
    /// The project whose lists are added.
    project: Option<String>,
    /// True if what allows more than the policy may be written, where the target cannot say it exactly.
    #[serde(default)]
    allow_wider: bool,
    /// The gate through which the target is to reach registries, as `HOST:PORT` or URL; for `docker`, `containerd`,
    /// `containers` and `k3s`.
    gate: Option<String>,
    /// The files that are there, at most 1,000, by their absolute paths on the host: their other members stay.
    #[serde(default = "no_files")]
    #[schema(value_type = Option<Vec<SettingsFile>>)]
    files: SettingsFiles,
}

/// A request to import settings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSettingsRequest {
    /// The program that reads the files: a target of exports, `docker-desktop` or `list`. Without it their content
    /// tells.
    source: Option<String>,
    /// The files, from 1 to 1,000.
    #[schema(value_type = Vec<SettingsFile>)]
    files: SettingsFiles,
}

/// A file of settings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// The path. Folders and names count: `certs.d/h.example:5000/ca.crt`.
    path: String,
    /// The text.
    text: String,
}

type SettingsFiles = BoundedList<JsonObject<SettingsFile>, MAX_FILES>;

fn no_files() -> SettingsFiles {
    BoundedList(Vec::new())
}

/// Exports a policy as the settings of a runtime. Nothing is written.
#[utoipa::path(post, path = "/v1/export", request_body = ExportSettingsRequest, responses(
    (status = 200, body = Object, description = "files, entries and notes, as `pullgate export --json` has them"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "more than 2 MiB, or than 10,000 entries or words of files"),
    (status = 422, body = ApiError, description = "the policy has errors, the target would allow more than it, or the \
        files rule the export out"),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn export(State(context): State<Arc<ApiState>>, body: Body) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit, policy_permit } =
        request_body::read_request_with_policy(body, &work.request_memory, &work.document_limits).await?;
    let JsonObject(request): JsonObject<ExportSettingsRequest> = parse_json(&text)?;
    let target = Target::from_name(&request.target).ok_or_else(|| {
        let names: Vec<_> = Target::ALL.into_iter().map(Target::as_str).collect();
        ApiError::bad_request(format!("`target` is none: write one of {}", names.join(", ")))
    })?;
    let gate = request.gate.map(|gate| gate.parse::<GateAddress>()).transpose();
    let gate = gate.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let files = host_files(request.files)?;
    let turn = work.settings_limit.acquire().await?;
    let (evaluator, canonical) = policy_of(&context, request.policy.as_deref()).await?;
    let (project, allows_wider) = (request.project, request.allow_wider);
    let make = move || {
        // The permits are held even if the client disconnects, since the work goes on.
        let exported = policy_view(&canonical, project.as_deref()).and_then(|view| {
            let decisions = EvaluatorDecisions(evaluator);
            let policy = PolicyContext { view: &view, policy: &decisions, project: project.as_deref() };
            export_policy(target, &ExportRequest { policy, files: &files, allows_wider, gate: gate.as_ref() })
        });
        (exported, (turn, permit, policy_permit))
    };
    let (exported, _permits) = run_blocking(make).await?;
    buffered_json(exported?, &work.response_memory).await
}

/// Returns the files of a host.
fn host_files(BoundedList(files): SettingsFiles) -> Result<HostFiles, ApiError> {
    check_words(&files, "export")?;
    let mut paths = HashSet::new();
    for JsonObject(file) in &files {
        if !file.path.starts_with('/') {
            return Err(ApiError::bad_request(format!(
                "`{}` is no absolute path: write where the file is on the host",
                file.path
            )));
        }
        if !paths.insert(&file.path) {
            return Err(ApiError::bad_request(format!("`{}` is there twice: write it once", file.path)));
        }
    }
    Ok(HostFiles::of_texts(files.into_iter().map(|JsonObject(SettingsFile { path, text })| (path, text))))
}

/// Returns the policy in the request, or else the daemon's, with its canonical form.
async fn policy_of(context: &ApiState, policy: Option<&RawValue>) -> Result<(PolicyEvaluator, String), ApiError> {
    let Some(policy) = policy else {
        let generation = context.admission.current_policy();
        return match generation.canonical.len() > MAX_REQUEST_BYTES {
            true => Err(too_large(format!("the policy has more than {MAX_REQUEST_BYTES} bytes"), "export")),
            false => Ok((generation.api_evaluator.clone(), generation.canonical.clone())),
        };
    };
    let evaluator = evaluator_for(context, Some(policy)).await?;
    let canonical = check_policy(context, policy.get().to_owned()).await?;
    Ok((evaluator, canonical))
}

/// Returns the canonical form of a policy; one with errors is refused.
async fn check_policy(context: &ApiState, policy: String) -> Result<String, ApiError> {
    let module: Module = context.admission.policy_store().module().clone();
    let loading = Arc::clone(&context.resources.policy_load_permits).acquire_owned().await;
    let check = move || {
        let _loading = loading;
        module.check_policy(&policy, now())
    };
    let report = run_blocking(check).await?.map_err(|failure| internal_error(failure.text))?;
    report.canonical.ok_or_else(|| {
        let errors = report.findings.into_iter().filter(Finding::is_error).map(|finding| finding.message);
        refused("policy-refused", errors.collect::<Vec<_>>().join("; "))
    })
}

/// Returns the lists of a policy, if they are within the limits of exports.
fn policy_view(canonical: &str, project: Option<&str>) -> Result<PolicyView, ApiError> {
    let view = PolicyView::new(canonical, project).map_err(|error| match error {
        PolicyViewError::UnknownProject(_) => ApiError::bad_request(error.to_string()),
        PolicyViewError::Syntax(_) | PolicyViewError::InvalidEntry(_) => internal_error(error.to_string()),
    })?;
    let entries = view.entry_count();
    if entries > MAX_ENTRIES {
        return Err(too_large(format!("the policy has {entries} entries, of at most {MAX_ENTRIES}"), "export"));
    }
    if entries.saturating_mul(view.authority_bytes()) > MAX_EXPORTED_CERTIFICATES {
        let reason = "the policy has too many certificate authorities to write them for each of its registries";
        return Err(too_large(reason.to_owned(), "export"));
    }
    Ok(view)
}

fn export_policy(target: Target, request: &ExportRequest<'_>) -> Result<String, ApiError> {
    let export = target.export(request).map_err(|error| match error {
        ExportError::Wider(_) => refused("wider", error.to_string()),
        ExportError::Syntax { .. } | ExportError::Conflict { .. } | ExportError::NoGate(_) => {
            refused("export-refused", error.to_string())
        }
        ExportError::File(_) => internal_error(error.to_string()),
    })?;
    to_json(&ExportReport::new(target, &export))
}

/// Imports the settings of a runtime as a policy. Nothing takes effect.
#[utoipa::path(post, path = "/v1/import", request_body = ImportSettingsRequest, responses(
    (status = 200, body = Object, description = "the policy, the origins of its entries, and the findings, as \
        `pullgate import --json` has them"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "more than 2 MiB, or than 10,000 words"),
    (status = 422, body = ApiError, description = "the content does not tell the program, or there is no policy in it"),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn import(State(context): State<Arc<ApiState>>, body: Body) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit, policy_permit } =
        request_body::read_request_with_policy(body, &work.request_memory, &work.document_limits).await?;
    let JsonObject(ImportSettingsRequest { source, files: BoundedList(files) }) = parse_json(&text)?;
    let source = source.as_deref().map(named_source).transpose()?;
    if files.is_empty() {
        return Err(ApiError::bad_request("there is no file in `files`: send one at least"));
    }
    check_words(&files, "import")?;
    let files = files.into_iter().map(|JsonObject(SettingsFile { path, text })| SourceFile { path, text });
    let files: Vec<_> = files.collect();
    let turn = work.settings_limit.acquire().await?;
    let make = move || {
        let source = source.map_or_else(|| detect_sources(&files).map_err(unknown_source), Ok);
        let imported = source.map(|source| (source, source.import(&files)));
        (imported, files, (turn, permit, policy_permit))
    };
    let (imported, files, _permits) = run_blocking(make).await?;
    let (source, import) = imported?;
    check_policy(&context, import.to_policy().to_string()).await?;
    let names: Vec<_> = files.into_iter().map(|file| file.path).collect();
    let report = to_json(&ImportReport::new(source, &import, &names))?;
    buffered_json(report, &work.response_memory).await
}

/// Refuses files with too many words.
fn check_words(files: &[JsonObject<SettingsFile>], command: &str) -> Result<(), ApiError> {
    let is_separator = |character: char| character.is_whitespace() || character == ',';
    let words = |text: &str| text.split(is_separator).filter(|word| !word.is_empty()).count();
    let count: usize = files.iter().map(|JsonObject(file)| words(&file.text)).sum();
    match count > MAX_ENTRIES {
        true => Err(too_large(format!("the files have {count} words, of at most {MAX_ENTRIES}"), command)),
        false => Ok(()),
    }
}

fn named_source(name: &str) -> Result<ImportSource, ApiError> {
    ImportSource::from_name(name).ok_or_else(|| {
        let names: Vec<_> = ImportSource::all().into_iter().map(ImportSource::as_str).collect();
        ApiError::bad_request(format!("`source` is none: write one of {}, or leave it out", names.join(", ")))
    })
}

fn unknown_source(error: SourceDetectionError) -> ApiError {
    let code = match error {
        SourceDetectionError::Unknown => "source-unknown",
        SourceDetectionError::Ambiguous(..) => "source-ambiguous",
    };
    refused(code, error.to_string())
}

fn refused(code: &'static str, message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
}

fn too_large(reason: String, command: &str) -> ApiError {
    let message = format!("{reason}: use `pullgate {command}`, which has no such limit");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
}

fn to_json(report: &impl serde::Serialize) -> Result<String, ApiError> {
    serde_json::to_string(report).map_err(|error| internal_error(error.to_string()))
}

/// Runs work on a thread that may be blocked.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    spawn_blocking(work).await.map_err(|error: JoinError| internal_error(error.to_string()))
}
