//! Inputs to start from: the vectors, the test certificates, and exports of the vectors' policies.

use std::fs;

use base64ct::Encoding;
use pullgate::{EntryList, Policy, check_certificates, check_policy};
use pullgate_runtimes::{ExportRequest, HostFiles, ImportSource, PolicyContext, PolicyView, SourceFile, Target};
use pullgate_tests::vectors::{self, AT, Case};

use crate::runtimes::source_file;

/// The number of random inputs for a target that draws its input from bytes, and their size.
const RANDOM_INPUTS: usize = 32;
const RANDOM_BYTES: usize = 256;

fn with_first(first: u8, text: &str) -> Vec<u8> {
    [&[first], text.as_bytes()].concat()
}

/// Returns the entries of all cases, for every list.
pub fn entries() -> Vec<Vec<u8>> {
    let texts = vectors::all().into_iter().filter_map(|case| case.entry);
    texts.map(|entry| with_first(list_number(entry.list), &entry.text)).collect()
}

fn list_number(list: EntryList) -> u8 {
    match list {
        EntryList::Whitelist => 0,
        EntryList::Insecure => 1,
        EntryList::BuiltIn => 2,
        EntryList::Blocked => 3,
    }
}

/// Returns each entry of each policy with each reference that the policy is asked about.
pub fn patterns() -> Vec<Vec<u8>> {
    vectors::all().iter().flat_map(patterns_of).collect()
}

fn patterns_of(case: &Case) -> Vec<Vec<u8>> {
    let Some(document) = &case.policy else { return Vec::new() };
    let Ok(document) = serde_json::from_str::<serde_json::Value>(&document.0) else { return Vec::new() };
    let mut lines = String::new();
    for (number, member) in ["whitelist", "insecure", "built_in", "blocked"].into_iter().enumerate() {
        for element in document[member].as_array().into_iter().flatten() {
            if let Some(text) = element.as_str().or_else(|| element["entry"].as_str()) {
                lines.push(char::from(b"0123"[number]));
                lines.push_str(text);
                lines.push('\n');
            }
        }
    }
    case.requests.iter().map(|asked| format!("{lines}{}", asked.subject().0).into_bytes()).collect()
}

/// Returns the references of all requests.
pub fn references() -> Vec<Vec<u8>> {
    let cases = vectors::all();
    let subjects = cases.iter().flat_map(|case| &case.requests).map(|asked| asked.subject());
    subjects.map(|(text, kind)| with_first(u8::from(kind == pullgate::ReferenceKind::Registry), text)).collect()
}

/// Returns the documents and policies of all cases.
pub fn documents() -> Vec<Vec<u8>> {
    texts_of_documents().into_iter().map(String::into_bytes).collect()
}

fn texts_of_documents() -> Vec<String> {
    let mut texts = Vec::new();
    for case in vectors::all() {
        texts.extend(case.document().map(str::to_owned));
        texts.extend(case.policy.map(|policy| policy.0));
    }
    texts
}

/// Returns the documents as files in JSON and, where they load, in TOML.
pub fn sources() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for text in texts_of_documents() {
        files.push(with_first(1, &text));
        let entries = check_policy(&text, AT).canonical.map(|canonical| {
            let source = [SourceFile { path: "list".to_owned(), text: canonical }];
            ImportSource::List.import(&source).to_toml("a list")
        });
        files.extend(entries.map(|toml| with_first(0, &toml)));
    }
    files.push(with_first(0, "whitelist = [\"a.example\", { entry = 'b.example', enabled = false }]\n[projects.p]\n"));
    files
}

/// Returns the bundles of all cases, and every file of certificates.
pub fn bundles() -> Vec<Vec<u8>> {
    let cases = vectors::all().into_iter().filter_map(|case| case.pem).map(|pem| pem.bytes());
    cases.chain(certificate_files()).filter(|bundle| bundle.len() < 1 << 16).collect()
}

fn certificate_files() -> Vec<Vec<u8>> {
    let files = fs::read_dir(vectors::certificates()).expect("tests/certificates can be read");
    let paths = files.map(|file| file.expect("tests/certificates can be read").path());
    let is_pem = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "pem");
    let mut paths: Vec<_> = paths.filter(is_pem).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a certificate can be read")).collect()
}

/// Returns the DER of every certificate.
pub fn certificates() -> Vec<Vec<u8>> {
    let mut ders = Vec::new();
    for bundle in bundles() {
        for info in check_certificates(&bundle, AT).certificates {
            ders.push(crate::certificates::der_of(&info.pem));
        }
    }
    ders.sort();
    ders.dedup();
    ders
}

/// Returns random bytes, the same every time.
pub fn random() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(0);
    (0..RANDOM_INPUTS).map(|_| (0..RANDOM_BYTES).map(|_| random.u8(..)).collect()).collect()
}

/// Returns exports of the vectors' policies to every target, and a plain list.
pub fn settings() -> Vec<Vec<u8>> {
    let mut settings = vec![packed(ImportSource::List, &[file("list", "# registries\nharbor.*\n10.2.2.0/24\n")])];
    let known = [
        (Target::Docker, "docker", "DOCKER_OPTS=\"--insecure-registry a:5000 --insecure-registry=b:5000\"\n"),
        (Target::Docker, "x.conf", "[Service]\nExecStart=/usr/bin/dockerd --registry-mirror=https://m\n"),
        (
            Target::Containerd,
            "config.toml",
            "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'a']\nendpoint=['http://a']\n",
        ),
        (Target::Containers, "registries.conf", "[registries.insecure]\nregistries = ['a', '*.b']\n"),
        (Target::K3s, "registries.yaml", "mirrors:\n  '*':\nconfigs:\n  a:\n    tls: {insecure_skip_verify: true}\n"),
    ];
    settings.extend(known.map(|(target, path, text)| packed(ImportSource::Target(target), &[file(path, text)])));
    for text in texts_of_documents() {
        let (Some(canonical), Ok(loaded)) = (check_policy(&text, AT).canonical, Policy::load(&text, AT)) else {
            continue;
        };
        let Ok(view) = PolicyView::new(&canonical, None) else { continue };
        let policy = PolicyContext { view: &view, policy: &loaded.policy, project: None };
        for target in Target::ALL {
            let export =
                target.export(&ExportRequest { policy, files: &HostFiles::none(), gate: None, allows_wider: true });
            let Ok(export) = export else { continue };
            let files: Vec<SourceFile> = export.files.iter().filter_map(source_file).collect();
            settings.push(packed(ImportSource::Target(target), &files));
        }
    }
    settings.retain(|input| input.len() < 1 << 14);
    settings.sort();
    settings.dedup();
    settings
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

/// Returns settings as the target `import` reads them.
fn packed(source: ImportSource, files: &[SourceFile]) -> Vec<u8> {
    let number = (0_u8..).zip(ImportSource::all()).find(|(_, known)| *known == source).map_or(0, |(number, _)| number);
    let parts: Vec<&str> = files.iter().flat_map(|file| [file.path.as_str(), &file.text]).collect();
    with_first(number, &parts.join("\0"))
}

/// Returns records as the daemon writes them.
pub fn records() -> Vec<Vec<u8>> {
    let line = |rest: &str| format!("{{\"time\":\"2026-10-01T10:00:00.5Z\",\"frontend\":\"docker\",{rest}}}\n");
    let attempts = r#""attempts":[{"scheme":"https","port":443,"verified":true}]"#;
    let texts = [
        line(&format!(
            r#""user":"u","reference":"a.example.com/x:1","kind":"image","decision":"allow","reason":"matched",{attempts}"#
        )),
        line(&format!(
            r#""user":"","reference":"10.0.0.1/x","kind":"image","decision":"allow","reason":"matched",{attempts},"pinned":["10.0.0.1"],"entry":"10.0.0.0/8","project":"p""#
        )),
        line(
            r#""user":"u","reference":"evil.example.com/x","kind":"image","decision":"deny","enforced":false,"reason":"not-whitelisted""#,
        ),
        line(
            r#""user":"u","reference":"quay.io","kind":"registry","decision":"deny","reason":"blocked","dns_answers":[{"kind":"forward","subject":"quay.io","answers":["10.0.0.1"]}]"#,
        ),
        line(r#""reference":"x","kind":"image","decision":"deny","reason":"trap","omitted":3"#),
        "{\"MESSAGE\":\"{}\",\"__REALTIME_TIMESTAMP\":\"1\"}\n".to_owned(),
    ];
    let together = texts.concat();
    texts.into_iter().chain([together]).map(String::into_bytes).collect()
}

/// Returns calls of dockerd's.
pub fn docker_calls() -> Vec<Vec<u8>> {
    let bodies = [
        r#"{"Image":"good.example/a","HostConfig":{"Mounts":[{"Type":"image","Source":"good.example/b"}]}}"#,
        r#"{"TaskTemplate":{"ContainerSpec":{"Image":"good.example/a"}}}"#,
        "",
    ];
    let requests = [
        ("POST", "/v1.41/images/create?fromImage=good.example%2Fa&tag=1"),
        ("POST", "/v1.41/containers/create?name=x"),
        ("POST", "/services/create"),
        ("POST", "/v1.51/images/good.example/a/push?tag=1"),
        ("POST", "/plugins/pull?remote=good.example/a"),
        ("GET", "/images/search?term=good.example/a"),
        ("POST", "/build"),
        ("GET", "/info"),
    ];
    let call = |(method, uri): (&str, &str), body: &str| {
        let headers = serde_json::json!({"Content-Length": body.len().to_string(), "Content-Type": "application/json"});
        let body = base64ct::Base64::encode_string(body.as_bytes());
        let call = serde_json::json!({
            "User": "u", "RequestMethod": method, "RequestUri": uri, "RequestHeaders": headers, "RequestBody": body,
        });
        call.to_string().into_bytes()
    };
    requests.iter().flat_map(|request| bodies.iter().map(move |body| call(*request, body))).collect()
}

/// Returns the reviews of the API server.
pub fn reviews() -> Vec<Vec<u8>> {
    let folder = vectors::folder().join("../kubernetes/reviews");
    let files = fs::read_dir(folder).expect("tests/kubernetes/reviews can be read");
    let mut paths: Vec<_> = files.map(|file| file.expect("the folder can be read").path()).collect();
    paths.sort();
    let review = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("a review can be read");
        let case: serde_json::Value = serde_json::from_str(&text).expect("a case is JSON");
        match &case["review"] {
            serde_json::Value::Null => text.into_bytes(),
            review => review.to_string().into_bytes(),
        }
    };
    paths.iter().map(review).collect()
}

/// Returns ClientHellos: with a name, without one, with more extensions, and in several records.
pub fn hellos() -> Vec<Vec<u8>> {
    let hello = |extensions: &[u8]| {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap_or_default().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend(u16::try_from(body.len()).unwrap_or_default().to_be_bytes());
        message.extend(body);
        message
    };
    let name = [&[0, 0, 0, 16, 0, 14, 0, 0, 11][..], b"reg.example"].concat();
    let more = [&[0, 43, 0, 3, 2, 3, 4][..], &name].concat();
    let record = |part: &[u8]| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap_or_default()][..], part].concat();
    let messages = [hello(&name), hello(&[]), hello(&more)];
    let whole = messages.iter().map(|message| record(message));
    let parts = messages.iter().map(|message| message.chunks(20).flat_map(record).collect());
    whole.chain(parts).collect()
}

/// Returns requests to the gate: an authority, a path, and a query.
pub fn gate_requests() -> Vec<Vec<u8>> {
    let digest = format!("sha256:{}", "0a".repeat(32));
    [
        "reg.example:443\nteam/app/manifests/1\nns=reg.example".to_owned(),
        "[fd00::1]:5000\nreg.example__5000/app/tags/list\nn=5&last=x".to_owned(),
        format!("10.0.0.1:80\nlocalhost/app/blobs/{digest}\n"),
        format!("REG.example.:443\napp/referrers/{digest}\nns=[fd00::1]:5000&artifactType=x"),
        "reg.example\nlibrary/alpine/manifests/3\n".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}
