//! Where a registry points to: redirects, and where tokens come from.

use crate::{Connection, Target};
use hyper::StatusCode;
use pullgate::{Decision, Scheme};
use serde_json::Value;
use tokio::time::Instant;

use super::endpoint_url::Place;
use super::http_client::{Response, get};
use super::registry_api::Registry;
use super::report::{Attempt, Report, StageName};
use super::session::{Run, refused};
use super::text::shown;
use super::www_authenticate::Challenge;

/// How many redirects are followed, one after the other.
const REDIRECTS: usize = 4;

/// An answer that points nowhere else.
pub(super) struct Fetched {
    /// Who gave it.
    pub(super) target: Target,
    /// When it was asked for.
    pub(super) since: Instant,
    response: Response,
}

impl Fetched {
    /// See [`Registry::v2`].
    pub(super) fn v2(&self) -> Result<Registry, String> {
        Registry::v2(&self.response, self.target.route().scheme())
    }
}

impl Run<'_> {
    /// Asks for a path, and follows redirects as far as the policy allows. Everything but the last answer is noted.
    pub(super) async fn follow(
        &mut self,
        stage: StageName,
        mut target: Target,
        mut connection: Connection,
        path: &str,
        attempt: &mut Attempt,
    ) -> Option<Fetched> {
        let mut path = path.to_owned();
        for _ in 0..=REDIRECTS {
            let since = Instant::now();
            let response = match self.timed(get(connection, &path, &self.prober.limits)).await {
                Ok(response) => response,
                Err(why) => {
                    self.note(stage, false, why, since, &mut attempt.stages);
                    return None;
                }
            };
            let Some(location) = response.redirect() else { return Some(Fetched { target, since, response }) };
            let status = response.status;
            let Some(place) = Place::redirect(&location, target.route(), &path) else {
                let why = format!(
                    "{status}: it redirects to where a registry cannot be (no `http` or `https` URL without a password)"
                );
                self.note(stage, false, why, since, &mut attempt.stages);
                return None;
            };
            match self.go(&place, &target, attempt).await {
                Ok(reached) => (target, connection) = reached,
                Err(why) => {
                    let why = format!("{status}: it redirects to `{place}`, {why}");
                    self.note(stage, false, why, since, &mut attempt.stages);
                    return None;
                }
            }
            self.note(stage, true, format!("{status}: it redirects to `{place}`"), since, &mut attempt.stages);
            place.path().clone_into(&mut path);
        }
        let why = format!("it redirects more than {REDIRECTS} times");
        self.note(stage, false, why, Instant::now(), &mut attempt.stages);
        None
    }

    /// Asks for `/v1/_ping` where `/v2/` was no registry's. Whether it is one.
    pub(super) async fn v1(&self, target: &Target, attempt: &mut Attempt) -> bool {
        let asked = async {
            let connection = self.again(target).await?;
            let response = get(connection, "/v1/_ping", &self.prober.limits).await?;
            let registry = Registry::v1(&response, target.route().scheme())?;
            Ok((registry.protocol, registry.detail))
        };
        attempt.protocol = self.step(StageName::V1, &mut attempt.stages, asked).await;
        attempt.protocol.is_some()
    }

    /// Asks where tokens come from, without credentials. Whether it answers as such a server does.
    pub(super) async fn token(&mut self, bearer: &Challenge, registry: &Target, attempt: &mut Attempt) -> bool {
        let since = Instant::now();
        let Some(realm) = bearer.parameter("realm") else {
            let why = "the registry does not say where tokens come from: its challenge has no `realm`";
            self.note(StageName::Token, false, why, since, &mut attempt.stages);
            return false;
        };
        let Some(mut place) = Place::absolute(realm) else {
            let why = "where tokens come from is no `http` or `https` URL without a password";
            self.note(StageName::Token, false, why, since, &mut attempt.stages);
            return false;
        };
        if let Some(service) = bearer.parameter("service") {
            place = place.with_parameter("service", service);
        }
        let (target, connection) = match self.go(&place, registry, attempt).await {
            Ok(reached) => reached,
            Err(why) => {
                let why = format!("tokens come from `{place}`, {why}");
                self.note(StageName::Token, false, why, since, &mut attempt.stages);
                return false;
            }
        };
        let Some(fetched) = self.follow(StageName::Token, target, connection, place.path(), attempt).await else {
            return false;
        };
        let (ok, what) = gives_tokens(&fetched.response);
        self.note(StageName::Token, ok, format!("tokens come from `{place}`: {what}"), since, &mut attempt.stages);
        ok
    }

    /// Connects to a place that `from` points to: as before where it is the same, and otherwise as the policy says.
    ///
    /// # Errors
    ///
    /// If it may not be contacted, or cannot be: why, for a person, after the name of the place.
    async fn go(
        &mut self,
        place: &Place,
        from: &Target,
        attempt: &mut Attempt,
    ) -> Result<(Target, Connection), String> {
        if place.is_of(from.route()) {
            let again = self.again(from).await;
            return again.map(|connection| (from.clone(), connection)).map_err(|why| format!("and then: {why}"));
        }
        let Some(hosts) = self.hosts.checked_sub(1) else {
            return Err("which was not contacted: the registry points to too many other hosts".to_owned());
        };
        self.hosts = hosts;
        let (report, reached) = self.visit(place).await;
        attempt.elsewhere.push(report);
        reached
    }

    /// Asks the policy about a place, and connects as the decision allows.
    async fn visit(&self, place: &Place) -> (Report, Result<(Target, Connection), String>) {
        let answer = self.decide(&place.registry()).await;
        let mut report = Report::of(&answer);
        let reached = match &answer.decision {
            Decision::Allow(allowed) => {
                match self.prober.connector.routes(&report.registry, allowed, self.gate.authorities()) {
                    Ok(mut routes) => {
                        routes.retain(|route| route.scheme() == place.scheme() && route.port() == place.port());
                        let mut reached = None;
                        for route in &routes {
                            reached = self.reach(route, None, allowed, &mut report.attempts).await;
                            if reached.is_some() {
                                break;
                            }
                        }
                        match (reached, place.scheme()) {
                            (Some(reached), _) => Ok(reached),
                            (None, Scheme::Http) if routes.is_empty() => {
                                Err("which was not contacted: the policy does not allow plain HTTP there".to_owned())
                            }
                            (None, _) => Err(format!("which cannot be reached: {}", report.failures())),
                        }
                    }
                    Err(error) => Err(format!("which was not contacted: {error}")),
                }
            }
            decision => Err(format!("which was not contacted: {}", refused(decision))),
        };
        report.ok = reached.is_ok();
        report.summary = match &reached {
            Ok((target, _)) => format!("reached at {}", target.peer()),
            Err(why) => why.strip_prefix("which ").unwrap_or(why).to_owned(),
        };
        (report, reached)
    }
}

/// Whether a server of tokens would answer so to those who do not say who they are, and what it says.
fn gives_tokens(response: &Response) -> (bool, String) {
    let status = response.status;
    let has_token = || match serde_json::from_slice(&response.body) {
        Ok(Value::Object(object)) => ["token", "access_token"].iter().any(|name| object.get(*name).is_some()),
        _ => false,
    };
    match status {
        StatusCode::OK if has_token() => (true, format!("{status}, a token without a login")),
        StatusCode::OK => (false, format!("{status}, but the answer has no token")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (true, format!("{status}, it wants a login")),
        StatusCode::BAD_REQUEST => (true, format!("{status}, it wants more parameters than a test has")),
        _ => (false, shown(&status.to_string())),
    }
}
