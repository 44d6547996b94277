//! Referrals of a registry: redirects and the token server.

use crate::Connection;
use hyper::StatusCode;
use pullgate::{Decision, Scheme};
use serde_json::Value;
use tokio::time::Instant;

use super::dial_target::DialTarget;
use super::http_client::{HttpResponse, get};
use super::registry_api::RegistryInfo;
use super::report::{AttemptReport, ProbeReport, StageKind};
use super::session::{ProbeSession, describe_denial};
use crate::endpoint_url::EndpointUrl;
use crate::text::sanitize_server_text;
use crate::www_authenticate::AuthChallenge;

/// The maximum length of a redirect chain.
const MAX_REDIRECTS: usize = 4;

/// A response that is no redirect.
pub(super) struct FinalResponse {
    /// The endpoint that sent the response.
    pub(super) target: DialTarget,
    /// The time at which the request was sent.
    pub(super) since: Instant,
    response: HttpResponse,
}

impl FinalResponse {
    /// Parses the response to `/v2/`; see [`RegistryInfo::parse_v2`].
    pub(super) fn parse_v2(&self) -> Result<RegistryInfo, String> {
        RegistryInfo::parse_v2(&self.response, self.target.endpoint().scheme())
    }
}

impl ProbeSession<'_> {
    /// Requests a path and follows redirects as far as the policy allows. Records every response but the last as a
    /// stage.
    pub(super) async fn get_with_redirects(
        &mut self,
        stage: StageKind,
        mut target: DialTarget,
        mut connection: Connection,
        path: &str,
        attempt: &mut AttemptReport,
    ) -> Option<FinalResponse> {
        let mut path = path.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let since = Instant::now();
            let response = match self.with_timeout(get(connection, &path, &self.prober.limits)).await {
                Ok(response) => response,
                Err(why) => {
                    self.record_stage(stage, false, why, since, &mut attempt.stages);
                    return None;
                }
            };
            let Some(location) = response.redirect_location() else {
                return Some(FinalResponse { target, since, response });
            };
            let status = response.status;
            let Some(place) = EndpointUrl::resolve(&location, target.endpoint(), &path) else {
                let why = format!(
                    "{status}: it redirects to where a registry cannot be (no `http` or `https` URL without a password)"
                );
                self.record_stage(stage, false, why, since, &mut attempt.stages);
                return None;
            };
            match self.connect_to(&place, &target, attempt).await {
                Ok(reached) => (target, connection) = reached,
                Err(why) => {
                    let why = format!("{status}: it redirects to `{place}`, {why}");
                    self.record_stage(stage, false, why, since, &mut attempt.stages);
                    return None;
                }
            }
            self.record_stage(stage, true, format!("{status}: it redirects to `{place}`"), since, &mut attempt.stages);
            place.path().clone_into(&mut path);
        }
        let why = format!("it redirects more than {MAX_REDIRECTS} times");
        self.record_stage(stage, false, why, Instant::now(), &mut attempt.stages);
        None
    }

    /// Requests `/v1/_ping` after `/v2/` failed. Returns whether a V1 registry answered.
    pub(super) async fn ping_v1(&self, target: &DialTarget, attempt: &mut AttemptReport) -> bool {
        let asked = async {
            let connection = self.reconnect(target).await?;
            let response = get(connection, "/v1/_ping", &self.prober.limits).await?;
            let registry = RegistryInfo::parse_v1(&response, target.endpoint().scheme())?;
            Ok((registry.protocol, registry.detail))
        };
        attempt.protocol = self.run_stage(StageKind::V1, &mut attempt.stages, asked).await;
        attempt.protocol.is_some()
    }

    /// Requests a token without credentials. Returns whether a token server answered.
    pub(super) async fn request_token(
        &mut self,
        bearer: &AuthChallenge,
        registry: &DialTarget,
        attempt: &mut AttemptReport,
    ) -> bool {
        let since = Instant::now();
        let Some(realm) = bearer.parameter("realm") else {
            let why = "the registry does not say where tokens come from: its challenge has no `realm`";
            self.record_stage(StageKind::Token, false, why, since, &mut attempt.stages);
            return false;
        };
        let Some(mut place) = EndpointUrl::parse(realm) else {
            let why = "where tokens come from is no `http` or `https` URL without a password";
            self.record_stage(StageKind::Token, false, why, since, &mut attempt.stages);
            return false;
        };
        if let Some(service) = bearer.parameter("service") {
            place = place.with_query_pair("service", service);
        }
        let (target, connection) = match self.connect_to(&place, registry, attempt).await {
            Ok(reached) => reached,
            Err(why) => {
                let why = format!("tokens come from `{place}`, {why}");
                self.record_stage(StageKind::Token, false, why, since, &mut attempt.stages);
                return false;
            }
        };
        let Some(fetched) = self.get_with_redirects(StageKind::Token, target, connection, place.path(), attempt).await
        else {
            return false;
        };
        let (ok, what) = check_token_response(&fetched.response);
        self.record_stage(
            StageKind::Token,
            ok,
            format!("tokens come from `{place}`: {what}"),
            since,
            &mut attempt.stages,
        );
        ok
    }

    /// Connects to a URL that `from` refers to: under the same decision if it is the same endpoint, otherwise under a
    /// new one.
    ///
    /// # Errors
    ///
    /// If the policy denies the host or the connection fails; the error is human-readable and follows the URL in the
    /// text.
    async fn connect_to(
        &mut self,
        place: &EndpointUrl,
        from: &DialTarget,
        attempt: &mut AttemptReport,
    ) -> Result<(DialTarget, Connection), String> {
        if place.is_same_endpoint(from.endpoint()) {
            let again = self.reconnect(from).await;
            return again.map(|connection| (from.clone(), connection)).map_err(|why| format!("and then: {why}"));
        }
        let Some(hosts) = self.hosts_left.checked_sub(1) else {
            return Err("which was not contacted: the registry points to too many other hosts".to_owned());
        };
        self.hosts_left = hosts;
        let (report, reached) = self.probe_host(place).await;
        attempt.elsewhere.push(report);
        reached
    }

    /// Evaluates the host of a URL against the policy and connects as the decision allows.
    async fn probe_host(&self, place: &EndpointUrl) -> (ProbeReport, Result<(DialTarget, Connection), String>) {
        let answer = self.decide(&place.to_registry()).await;
        let mut report = ProbeReport::from_response(&answer);
        let reached = match &answer.decision {
            Decision::Allow(allowed) => {
                match self.prober.connector.endpoints(&report.registry, allowed, self.evaluator.authorities()) {
                    Ok(mut routes) => {
                        routes.retain(|route| route.scheme() == place.scheme() && route.port() == place.port());
                        let mut reached = None;
                        for route in &routes {
                            reached = self.dial(route, None, allowed, &mut report.attempts).await;
                            if reached.is_some() {
                                break;
                            }
                        }
                        match (reached, place.scheme()) {
                            (Some(reached), _) => Ok(reached),
                            (None, Scheme::Http) if routes.is_empty() => {
                                Err("which was not contacted: the policy does not allow plain HTTP there".to_owned())
                            }
                            (None, _) => Err(format!("which cannot be reached: {}", report.describe_failures())),
                        }
                    }
                    Err(error) => Err(format!("which was not contacted: {error}")),
                }
            }
            decision => Err(format!("which was not contacted: {}", describe_denial(decision))),
        };
        report.ok = reached.is_ok();
        report.summary = match &reached {
            Ok((target, _)) => format!("reached at {target}"),
            Err(why) => why.strip_prefix("which ").unwrap_or(why).to_owned(),
        };
        (report, reached)
    }
}

/// Classifies the response of a token server to an anonymous request, and describes it.
fn check_token_response(response: &HttpResponse) -> (bool, String) {
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
        _ => (false, sanitize_server_text(&status.to_string())),
    }
}
