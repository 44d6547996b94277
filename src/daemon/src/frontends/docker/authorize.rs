//! The decision about a request to dockerd.

use pullgate::ReferenceKind;
use pullgate::display::single_line;

use super::DockerOptions;
use super::classify::{
    AmbiguousRequest, ClassifiedRequest, ImageSource, OpaqueOperation, Subject, SubjectReference, classify,
};
use super::protocol::{AuthzRequest, AuthzResponse, CallError};
use crate::admission::audit_record::redact_field;
use crate::admission::{Admission, AdmissionRequest, AdmissionResponse, Frontend};
use crate::policy::store::Generation;
use crate::settings::{CreateDecision, OperationPermission};

/// Decides a call by the current policy.
pub async fn authorize(
    admission: &Admission,
    options: &DockerOptions,
    call: Result<AuthzRequest, CallError>,
) -> AuthzResponse {
    let generation = admission.current_policy();
    let (user, intent) = match &call {
        Ok(call) => (call.user.as_str(), classify(call)),
        Err(CallError(text)) => ("", Err(AmbiguousRequest { action: "request", text: text.clone() })),
    };
    let asking = Authorization { admission, options, generation: &generation, user };
    let verdict = match intent {
        Ok(ClassifiedRequest { action, subject: object }) => match object {
            Subject::Unrelated => return AuthzResponse::allow(),
            Subject::References(references) => asking.decide_references(action, &references).await,
            Subject::Opaque(matter, about) => asking.decide_by_setting(action, &about, matter),
            Subject::Unknown(request) => asking.decide_unknown(&request),
        },
        Err(AmbiguousRequest { action, text }) => {
            let uri = call.as_ref().map_or("", |call| call.request_uri.as_str());
            // The query may contain secrets.
            let path = uri.split('?').next().unwrap_or_default();
            asking.record_override(action, path, "not-understood", false, format!("not understood, so denied: {text}"))
        }
    };
    if verdict.allowed { AuthzResponse::allow() } else { AuthzResponse::deny(verdict.message) }
}

/// The remedy for an image without a registry that was built or loaded here: by its name it is Docker Hub's.
const LOCAL_IMAGE_HINT: &str =
    "; an image of this machine can be run by its whole id, or tagged with the name of an allowed registry";

/// One request, evaluated against one generation.
struct Authorization<'a> {
    admission: &'a Admission,
    options: &'a DockerOptions,
    generation: &'a Generation,
    user: &'a str,
}

impl Authorization<'_> {
    /// Requires that every reference is allowed. All are decided, so that the message names every refused one.
    async fn decide_references(&self, action: &str, references: &[SubjectReference]) -> AdmissionResponse {
        let mut refused = Vec::new();
        for reference in references {
            let verdict = self.decide_reference(action, reference).await;
            if !verdict.allowed {
                let hint = if reference.source == ImageSource::LocalName { LOCAL_IMAGE_HINT } else { "" };
                refused.push((reference, verdict.message + hint));
            }
        }
        let message = match refused.as_slice() {
            [(_, message)] if references.len() == 1 => message.clone(),
            refused => {
                let each = refused
                    .iter()
                    .map(|(reference, message)| format!("`{}`: {message}", display_text(&reference.text)));
                each.collect::<Vec<_>>().join("; ")
            }
        };
        AdmissionResponse::new(refused.is_empty(), message)
    }

    async fn decide_reference(&self, action: &str, reference: &SubjectReference) -> AdmissionResponse {
        let text = reference.text.as_str();
        match reference.source {
            ImageSource::Id => return self.record_override(action, text, "image-id", true, String::new()),
            ImageSource::LocalName if self.options.creates == CreateDecision::Local => {
                return self.record_override(action, text, "local-image", true, String::new());
            }
            // Where builds are allowed, its registry still has to be.
            ImageSource::BuildKit if !self.options.builds.allows(self.is_whitelist_mode()) => {
                return self.decide_by_setting(action, text, OpaqueOperation::Builds);
            }
            ImageSource::Registry | ImageSource::LocalName | ImageSource::BuildKit => {}
        }
        let ask = self.admission_request(action, text, reference.kind);
        self.admission.decide(self.generation, &ask).await
    }

    /// Decides an operation that the rules cannot evaluate, by its setting.
    fn decide_by_setting(&self, action: &str, about: &str, matter: OpaqueOperation) -> AdmissionResponse {
        let options = self.options;
        let (permission, code, setting, what, why) = match matter {
            OpaqueOperation::Builds => {
                (options.builds, "docker-builds", "docker_builds", "building images", "where a build pulls from")
            }
            OpaqueOperation::Imports => (
                options.imports,
                "docker-imports",
                "docker_imports",
                "loading and importing images",
                "what they are, and where they come from,",
            ),
            OpaqueOperation::Logins => {
                (options.logins, "docker-logins", "docker_logins", "logging in", "the registry of a login")
            }
            OpaqueOperation::Tags => (options.tags, "docker-tags", "docker_tags", "naming images", "what an image is"),
        };
        let message = if permission == OperationPermission::Deny {
            format!("{what} is denied here (setting `{setting}`)")
        } else {
            format!("{what} is denied while whitelist mode is on, because {why} cannot be seen (setting `{setting}`)")
        };
        let allowed = permission.allows(self.is_whitelist_mode());
        self.record_override(action, about, code, allowed, message)
    }

    /// Allows an unknown operation while whitelist mode is off, as every registry is allowed then.
    fn decide_unknown(&self, request: &str) -> AdmissionResponse {
        let allowed = !self.is_whitelist_mode();
        let message = format!(
            "`{}` is not known here, and may name a registry: denied while whitelist mode is on",
            display_text(request)
        );
        self.record_override("request", request, "unknown-request", allowed, message)
    }

    fn record_override(
        &self,
        action: &str,
        about: &str,
        reason: &'static str,
        allowed: bool,
        message: String,
    ) -> AdmissionResponse {
        let message = if allowed { String::new() } else { message };
        let ask = self.admission_request(action, about, ReferenceKind::Image);
        self.admission.record_override(self.generation, &ask, reason, AdmissionResponse::new(allowed, message))
    }

    fn is_whitelist_mode(&self) -> bool {
        self.generation.in_whitelist_mode(self.options.project.as_deref())
    }

    /// Returns the admission request. Docker has no projects: all of its requests are of the host's (rule J1).
    fn admission_request<'b>(
        &'b self,
        action: &'b str,
        reference: &'b str,
        kind: ReferenceKind,
    ) -> AdmissionRequest<'b> {
        let project = self.options.project.as_deref();
        AdmissionRequest { frontend: Frontend::Docker, user: self.user, action, reference, kind, project }
    }
}

/// Returns text of the request for a message: on one line, without a password.
fn display_text(text: &str) -> String {
    single_line(&redact_field(text)).into_owned()
}
