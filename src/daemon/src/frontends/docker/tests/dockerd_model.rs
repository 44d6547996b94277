//! A plain model of dockerd that overapproximates: it does whatever any version may do. [`fuzz`](super::fuzz) compares
//! the plugin with it.

use super::super::go_json::GoValue;
use super::*;

/// A request to dockerd on the wire.
#[derive(Clone, Debug, Default)]
pub struct DockerdRequest {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub chunked: bool,
}

impl DockerdRequest {
    /// Returns dockerd's call to a plugin. `showing` selects the daemons that also pass bodies without a length.
    pub fn to_plugin_call(&self, showing: bool) -> Value {
        let mut headers = serde_json::Map::new();
        if !self.chunked {
            headers.insert("Content-Length".to_owned(), self.body.len().to_string().into());
        }
        for (name, value) in &self.headers {
            headers.insert((*name).to_owned(), value.as_str().into());
        }
        let mut call = json!({"RequestMethod": self.method, "RequestUri": self.target, "RequestHeaders": headers});
        let hidden = self.target.ends_with("/auth") || (self.chunked && !showing) || self.body.is_empty();
        if self.content_type() == "application/json" && !hidden {
            call["RequestBody"] = STANDARD.encode(&self.body).into();
        }
        call
    }

    /// Returns the images that dockerd pulls, pushes or runs for the request, without local ones.
    pub fn contacted_images(&self) -> Vec<String> {
        let rest = match self.target.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or(String::new(), |(_, path)| format!("/{path}")),
            None if self.target.starts_with('/') => self.target.clone(),
            None => self.target.split_once(':').map_or(String::new(), |(_, rest)| rest.to_owned()),
        };
        let (path, query) = rest.split_once('?').unwrap_or((&rest, ""));
        let path = decoded(path);
        let path = match path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
            Some((version, rest)) if version.chars().all(|c| c.is_ascii_digit() || c == '.') => format!("/{rest}"),
            _ => path,
        };
        let form = self.form(query);
        let get =
            |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        let between = |prefix: &str, suffix: &str| {
            path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).map(str::to_owned)
        };
        match (self.method, path.as_str()) {
            ("POST", "/images/create") => match get("fromImage") {
                image if image.is_empty() => vec![format!("import {}", get("fromSrc"))],
                image => vec![image],
            },
            ("POST", "/images/load") => vec!["load".to_owned()],
            ("POST", "/build" | "/session" | "/grpc") => vec!["build".to_owned()],
            ("POST", "/plugins/pull") => vec![get("remote")],
            ("GET", "/plugins/privileges") => vec![get("remote")],
            // The part after the host is sent to it as the search text.
            ("GET", "/images/search") => {
                vec![get("term").split_once('/').map_or(String::new(), |(host, _)| format!("{host}/x"))]
            }
            ("POST", "/containers/create") => self.container(),
            ("POST", "/services/create") => self.service(),
            ("POST", path) if path.starts_with("/services/") && path.ends_with("/update") => self.service(),
            ("POST", _) if between("/images/", "/push").is_some() => between("/images/", "/push").into_iter().collect(),
            ("POST", _) if between("/plugins/", "/push").is_some() => {
                between("/plugins/", "/push").into_iter().collect()
            }
            ("POST", _) if between("/plugins/", "/upgrade").is_some() => vec![get("remote")],
            ("GET", _) => between("/distribution/", "/json").into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the first value, as Go does.
    fn content_type(&self) -> String {
        let value = self.headers.iter().find(|(name, _)| *name == "Content-Type").map_or("", |(_, value)| value);
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns the form values, those of the body first.
    fn form(&self, query: &str) -> Vec<(String, String)> {
        let mut form = Vec::new();
        if self.method == "POST" && self.content_type() == "application/x-www-form-urlencoded" {
            form.extend(form_urlencoded::parse(&self.body).into_owned());
        }
        form.extend(form_urlencoded::parse(query.as_bytes()).into_owned());
        form
    }

    fn container(&self) -> Vec<String> {
        let Some(members) = self.members() else { return Vec::new() };
        let mut images: Vec<String> = texts(&members, "Image");
        images.extend(mounted(&members));
        images.extend(mounted(&merged(&members, "HostConfig")));
        // A name of one component has no registry, and nothing is pulled for a container.
        images.retain(|image| image.contains('/'));
        images
    }

    fn service(&self) -> Vec<String> {
        let Some(members) = self.members() else { return Vec::new() };
        let task = merged(&members, "TaskTemplate");
        let container = merged(&task, "ContainerSpec");
        let mut images = texts(&container, "Image");
        images.extend(mounted(&container));
        images.extend(texts(&merged(&task, "PluginSpec"), "Remote"));
        images
    }

    /// Parses the first value of the body: some daemons read no further.
    fn members(&self) -> Option<Vec<(String, GoValue)>> {
        match serde_json::Deserializer::from_slice(&self.body).into_iter::<GoValue>().next()?.ok()? {
            GoValue::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// Returns all values of a member: Go takes the last one, other decoders the first.
fn texts(members: &[(String, GoValue)], name: &str) -> Vec<String> {
    let values = members.iter().filter(|(key, _)| folds(key, name)).map(|(_, value)| value);
    values.filter_map(|value| if let GoValue::Text(text) = value { Some(text.clone()) } else { None }).collect()
}

fn merged(members: &[(String, GoValue)], name: &str) -> Vec<(String, GoValue)> {
    let mut all = Vec::new();
    for (_, value) in members.iter().filter(|(key, _)| folds(key, name)) {
        if let GoValue::Object(more) = value {
            all.extend(more.iter().map(|(key, value)| (key.clone(), copy(value))));
        }
    }
    all
}

fn mounted(members: &[(String, GoValue)]) -> Vec<String> {
    let mut images = Vec::new();
    for (_, value) in members.iter().filter(|(key, _)| folds(key, "Mounts")) {
        let GoValue::Array(mounts) = value else { continue };
        for mount in mounts {
            if let GoValue::Object(mount) = mount
                && texts(mount, "Type").iter().any(|kind| kind == "image")
            {
                images.extend(texts(mount, "Source"));
            }
        }
    }
    images
}

fn copy(value: &GoValue) -> GoValue {
    match value {
        GoValue::Null => GoValue::Null,
        GoValue::Text(text) => GoValue::Text(text.clone()),
        GoValue::Array(values) => GoValue::Array(values.iter().map(copy).collect()),
        GoValue::Object(members) => {
            GoValue::Object(members.iter().map(|(key, value)| (key.clone(), copy(value))).collect())
        }
        GoValue::Other => GoValue::Other,
    }
}

fn folds(key: &str, name: &str) -> bool {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
