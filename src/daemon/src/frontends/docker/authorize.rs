//! The decision about a request to dockerd.

use pullgate::ReferenceKind;

use super::Options;
use super::classify::{Intent, Matter, Object, Reference, Unclear, read};
use super::protocol::{Call, Reply, Unreadable};
use crate::admission::audit_log::without_password;
use crate::admission::{Admission, Ask, Door, Verdict};
use crate::policy::store::Generation;
use crate::settings::Permission;
use crate::util::sanitize::on_one_line;

/// Decides about a call, by the policy that is current now.
pub async fn authorize(admission: &Admission, options: &Options, call: Result<Call, Unreadable>) -> Reply {
    let generation = admission.begin();
    let (user, intent) = match &call {
        Ok(call) => (call.user.as_str(), read(call)),
        Err(Unreadable(text)) => ("", Err(Unclear { action: "request", text: text.clone() })),
    };
    let asking = Asking { admission, generation: &generation, user };
    let verdict = match intent {
        Ok(Intent { action, object }) => match object {
            Object::Nothing => return Reply::allow(),
            Object::References(references) => asking.references(action, &references).await,
            Object::Unseen(matter, about) => asking.setting(action, &about, matter, options),
            Object::Unknown(request) => asking.unknown(&request),
        },
        Err(Unclear { action, text }) => {
            let uri = call.as_ref().map_or("", |call| call.request_uri.as_str());
            // The query may carry secrets.
            let path = uri.split('?').next().unwrap_or_default();
            asking.settle(action, path, "not-understood", false, format!("not understood, so denied: {text}"))
        }
    };
    if verdict.allowed { Reply::allow() } else { Reply::deny(verdict.message) }
}

/// One request, whose questions all go to one policy.
struct Asking<'a> {
    admission: &'a Admission,
    generation: &'a Generation,
    user: &'a str,
}

impl Asking<'_> {
    /// All must be allowed. All are decided, so that the message names all that are not.
    async fn references(&self, action: &str, references: &[Reference]) -> Verdict {
        let mut refused = Vec::new();
        for reference in references {
            let verdict = if reference.id {
                self.settle(action, &reference.text, "image-id", true, String::new())
            } else {
                let ask = self.ask(action, &reference.text, reference.kind);
                self.admission.decide(self.generation, &ask).await
            };
            if !verdict.allowed {
                refused.push((reference, verdict.message));
            }
        }
        let message = match refused.as_slice() {
            [(_, message)] if references.len() == 1 => message.clone(),
            refused => {
                let each =
                    refused.iter().map(|(reference, message)| format!("`{}`: {message}", shown(&reference.text)));
                each.collect::<Vec<_>>().join("; ")
            }
        };
        Verdict { allowed: refused.is_empty(), message }
    }

    /// What the rules cannot see, a setting decides.
    fn setting(&self, action: &str, about: &str, matter: Matter, options: &Options) -> Verdict {
        let (permission, code, setting, what, why) = match matter {
            Matter::Builds => {
                (options.builds, "docker-builds", "docker_builds", "building images", "where a build pulls from")
            }
            Matter::Imports => (
                options.imports,
                "docker-imports",
                "docker_imports",
                "loading and importing images",
                "what they are, and where they come from,",
            ),
            Matter::Logins => {
                (options.logins, "docker-logins", "docker_logins", "logging in", "the registry of a login")
            }
            Matter::Tags => (options.tags, "docker-tags", "docker_tags", "naming images", "what an image is"),
        };
        let message = if permission == Permission::Deny {
            format!("{what} is denied here (setting `{setting}`)")
        } else {
            format!("{what} is denied while whitelist mode is on, because {why} cannot be seen (setting `{setting}`)")
        };
        let allowed = permission.allows(self.generation.in_whitelist_mode(None));
        self.settle(action, about, code, allowed, message)
    }

    /// Where every registry is allowed there is nothing to be missed.
    fn unknown(&self, request: &str) -> Verdict {
        let allowed = !self.generation.in_whitelist_mode(None);
        let message = format!(
            "`{}` is not known here, and may name a registry: denied while whitelist mode is on",
            shown(request)
        );
        self.settle("request", request, "unknown-request", allowed, message)
    }

    fn settle(&self, action: &str, about: &str, reason: &'static str, allowed: bool, message: String) -> Verdict {
        let message = if allowed { String::new() } else { message };
        let ask = self.ask(action, about, ReferenceKind::Image);
        self.admission.settle(self.generation, &ask, reason, Verdict { allowed, message })
    }

    /// Docker has no projects: a request of it is decided by the global lists (rule J1).
    fn ask<'b>(&'b self, action: &'b str, reference: &'b str, kind: ReferenceKind) -> Ask<'b> {
        Ask { door: Door::Docker, user: self.user, action, reference, kind, project: None }
    }
}

/// Text of the request for a message: on one line, short, and without a password.
fn shown(text: &str) -> String {
    on_one_line(&without_password(text)).into_owned()
}
