//! Settings of programs, and the policies that they become.

use serde_json::{Value, json};

use crate::export::ExportRequest;
use crate::host_files::HostFiles;
use crate::import::{Import, SourceFile};
use crate::target::{ImportSource, Target};
use crate::tests::model::text_of;
use crate::tests::with_policy;

const AUTHORITY: &str = include_str!("../../../../tests/certificates/ca.pem");

fn import(target: Target, files: &[(&str, &str)]) -> Import {
    import_from(ImportSource::Target(target), files)
}

/// Imports settings, and requires that what they become loads.
fn import_from(source: ImportSource, files: &[(&str, &str)]) -> Import {
    let sources = files.iter().map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() });
    let import = source.import(&sources.collect::<Vec<_>>());
    let policy = import.to_policy().to_string();
    let report = pullgate::check_policy(&policy, 0);
    assert!(report.canonical.is_some(), "{policy}: {:?}", report.findings);
    import
}

/// Requires a policy, and the findings as code and place.
#[track_caller]
fn expect(target: Target, files: &[(&str, &str)], policy: Value, findings: &[(&str, &str)]) {
    let import = import(target, files);
    assert_eq!(import.to_policy(), policy, "{import:#?}");
    let found: Vec<_> = import.findings.iter().map(|finding| (finding.code, finding.origin.to_string())).collect();
    let findings: Vec<_> = findings.iter().map(|(code, place)| (*code, (*place).to_owned())).collect();
    assert_eq!(found, findings, "{import:#?}");
}

#[test]
fn daemon_json_becomes_a_policy() {
    let text = r#"{
  "log-driver": "journald",
  "insecure-registries": ["10.77.0.1:5000",
    "https://h.example", "10.2.0.0/16",
    "127.0.0.0/8", "docker.io", "h y", "k:80", "p:500000"],
  "registry-mirrors": ["https://user:secret@m.example"]
}"#;
    expect(
        Target::Docker,
        &[("daemon.json", text)],
        json!({ "insecure": ["10.77.0.1:5000", "h.example:443", "10.2.0.0/16", "127.0.0.0/8"] }),
        &[
            ("network-names", "daemon.json:4"),
            ("loopback", "daemon.json:5"),
            ("network-names", "daemon.json:5"),
            ("insecure-docker-hub", "daemon.json:5"),
            ("entry-invalid", "daemon.json:5"),
            ("port-80", "daemon.json:5"),
            ("entry-invalid", "daemon.json:5"),
            ("mirror", "daemon.json:6"),
        ],
    );
    let import = import(Target::Docker, &[("daemon.json", text)]);
    assert!(!format!("{import:?}").contains("secret"), "{import:#?}");
    let toml = import.to_toml("heading\u{1b}[0m");
    assert!(toml.contains("  \"10.77.0.1:5000\", # daemon.json:3 insecure-registries\n"), "{toml}");
    assert!(!toml.contains('\u{1b}'));
    let read: toml_edit::DocumentMut = toml.parse().unwrap();
    assert_eq!(read["insecure"].as_array().unwrap().len(), 4);
}

#[test]
fn command_lines_of_dockerd_become_a_policy() {
    let lines = "# /etc/default/docker\nDOCKER_OPTS=\"--insecure-registry a:5000 \\\n --insecure-registry=b:5000\"\n";
    expect(Target::Docker, &[("docker", lines)], json!({ "insecure": ["a:5000", "b:5000"] }), &[]);
    let unit =
        "[Service]\nExecStart=/usr/bin/dockerd -H fd:// --insecure-registry c:5000 --registry-mirror=https://m\n";
    expect(Target::Docker, &[("x.conf", unit)], json!({ "insecure": ["c:5000"] }), &[("mirror", "x.conf:2")]);
    expect(Target::Docker, &[("x", "nothing")], json!({ "insecure": [] }), &[("source-empty", "x")]);
}

#[test]
fn folders_of_authorities_become_a_policy() {
    let files = [
        ("certs.d/reg.test:5443/ca.crt", AUTHORITY),
        ("certs.d/reg.test/ca.crt", AUTHORITY),
        ("certs.d/registry-1.docker.io/ca.crt", AUTHORITY),
        ("certs.d/x/ca.pem", AUTHORITY),
        ("certs.d/x/client.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ];
    let registries = ["reg.test:5443", "reg.test:443", "docker.io"];
    expect(
        Target::Docker,
        &files,
        json!({ "insecure": [], "certificate_authorities": [{ "pem": AUTHORITY, "registries": registries }] }),
        &[("authority-unread", "certs.d/x/ca.pem"), ("client-certificate", "certs.d/x/client.key")],
    );
    // A folder that names no registry, beside one that does and alone.
    let named = [("certs.d/w10.1.2.3:443/ca.crt", AUTHORITY), ("certs.d/reg.test:443/ca.crt", AUTHORITY)];
    let place = ("entry-invalid", "certs.d/w10.1.2.3:443/ca.crt");
    let limited =
        json!({ "insecure": [], "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["reg.test:443"] }] });
    expect(Target::Docker, &named, limited, &[place]);
    expect(Target::Docker, &named[..1], json!({ "insecure": [] }), &[place]);
    let toml = import(Target::Docker, &files).to_toml("x");
    let read: toml_edit::DocumentMut = toml.parse().unwrap();
    let authority = read["certificate_authorities"].as_array_of_tables().unwrap().get(0).unwrap();
    assert_eq!(authority["pem"].as_str(), Some(AUTHORITY));
    let files = [("ca.crt", AUTHORITY), ("certs.d/x/ca.crt", "nonsense")];
    expect(
        Target::Docker,
        &files,
        json!({ "insecure": [] }),
        &[("authority-folder", "ca.crt"), ("authority-invalid", "certs.d/x/ca.crt")],
    );
}

#[test]
fn hosts_of_containerd_become_a_policy() {
    let private = "server = \"https://reg.test:5443\"\n[host.\"https://reg.test:5443\"]\nca = \"ca.crt\"\n";
    let mirror = "[host.\"http://m.test\"]\n[host.\"https://quay.io\"]\n";
    expect(
        Target::Containerd,
        &[
            ("certs.d/reg.test_5443_/hosts.toml", private),
            ("certs.d/reg.test_5443_/ca.crt", AUTHORITY),
            ("certs.d/plain_5000_/hosts.toml", "server = \"http://plain:5000\"\n"),
            ("certs.d/plain:5000/hosts.toml", "server = \"https://plain:5000\"\n"),
            ("certs.d/quay.io/hosts.toml", mirror),
            ("certs.d/broken/hosts.toml", "[host.\n"),
            ("certs.d/_default/hosts.toml", "[host.\"https://user:secret@m.test\"]\n"),
            ("certs.d/docker/ca.crt", AUTHORITY),
        ],
        json!({
            "insecure": ["plain:5000"],
            "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["docker:443", "reg.test:5443"] }],
        }),
        &[
            ("mirror", "certs.d/_default/hosts.toml:1"),
            ("source-syntax", "certs.d/broken/hosts.toml:1"),
            ("folder-shadowed", "certs.d/plain:5000/hosts.toml"),
            ("hosts-without-tables", "certs.d/plain_5000_/hosts.toml:1"),
            ("mirror", "certs.d/quay.io/hosts.toml:1"),
        ],
    );
    let elsewhere = private.replace("ca.crt", "/etc/ssl/corp.pem");
    expect(
        Target::Containerd,
        &[("certs.d/reg.test_5443_/hosts.toml", &elsewhere)],
        json!({ "insecure": [] }),
        &[("authority-elsewhere", "certs.d/reg.test_5443_/hosts.toml:3")],
    );
}

#[test]
fn the_older_settings_of_containerd_become_a_policy() {
    let config = "version = 2
[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"10.0.0.1:5000\"]
endpoint = [\"http://10.0.0.1:5000\"]
[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]
endpoint = [\"https://m.test\"]
[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"h:5000\".tls]
insecure_skip_verify = true
[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"h:5000\".auth]
password = \"secret\"
[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"p:5000\".tls]
ca_file = \"/etc/corp.pem\"
";
    expect(
        Target::Containerd,
        &[("config.toml", config), ("/etc/corp.pem", AUTHORITY)],
        json!({
            "insecure": ["10.0.0.1:5000", "h:5000"],
            "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["p:5000"] }],
        }),
        &[
            ("verifier-off", "config.toml:2"),
            ("verifier-off", "config.toml:6"),
            ("mirror", "config.toml:5"),
            ("credentials", "config.toml:8"),
        ],
    );
}

#[test]
fn settings_of_containers_image_become_a_policy() {
    let policy = r#"{
 "default": [{"type": "reject"}],
 "transports": {"docker": {
  "docker.io/library": [{"type": "insecureAcceptAnything"}],
  "h.example": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
  "h.example:5000/team": [{"type": "insecureAcceptAnything"}],
  "*.example.net": [{"type": "insecureAcceptAnything"}],
  "r.example": [{"type": "reject"}],
  "docker.io/library/alpine:3": [{"type": "reject"}],
  "quay.io/x/y:1": [{"type": "insecureAcceptAnything"}]
 }}
}"#;
    let first = "unqualified-search-registries = [\"docker.io\", \"quay.io\"]
[[registry]]
location = \"10.0.0.1:5000\"
insecure = true
[[registry]]
prefix = \"docker.io\"
location = \"m.test/hub\"
[[registry]]
location = \"n.test/team\"
insecure = true
";
    let second = "[[registry]]\nlocation = \"10.0.0.1:5000\"\n[[registry.mirror]]\nlocation = \"m.test\"\n";
    let files = [("policy.json", policy), ("registries.conf", first), ("registries.conf.d/1.conf", second)];
    expect(
        Target::Containers,
        &files,
        json!({
            "whitelist": ["docker.io/library", "h.example:443", "h.example:5000/team", "*.example.net"],
            "insecure": [],
        }),
        &[
            ("signatures", "policy.json:5"),
            ("scope-of-image", "policy.json:9"),
            ("scope-of-image", "policy.json:10"),
            ("short-names", "registries.conf:1"),
            ("mirror", "registries.conf.d/1.conf:3"),
            ("mirror", "registries.conf:5"),
            ("insecure-namespace", "registries.conf:10"),
        ],
    );
    // Without the second file the insecure line counts, where the registry is accepted.
    assert_eq!(import(Target::Containers, &files[1..2]).to_policy()["insecure"], json!(["10.0.0.1:5000"]));
    assert!(import(Target::Containers, &files[..2]).findings.iter().any(|finding| finding.code == "insecure-rejected"));
    let version_1 = "[registries.insecure]\nregistries = ['a.test', 'b.test:5000']\n";
    expect(
        Target::Containers,
        &[("registries.conf", version_1)],
        json!({ "insecure": ["a.test", "b.test:5000"] }),
        &[],
    );
}

#[test]
fn registries_yaml_becomes_a_policy() {
    let yaml = "mirrors:
  \"10.0.0.1:5000\":
    endpoint:
      - \"http://10.0.0.1:5000\"
  docker.io:
    endpoint: [\"https://m.test\"]
    rewrite:
      \"^x\": y
  \"*\":
    endpoint: [\"https://user:secret@m.test\"]
configs:
  \"h:5000\":
    auth:
      password: secret
    tls:
      insecure_skip_verify: true
  \"p:5000\":
    tls: {ca_file: /etc/corp.pem}
  \"*\":
    tls: {insecure_skip_verify: true}
";
    let files = [("registries.yaml", yaml), ("/etc/corp.pem", AUTHORITY)];
    expect(
        Target::K3s,
        &files,
        json!({
            "insecure": ["10.0.0.1:5000", "h:5000"],
            "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["p:5000"] }],
        }),
        &[
            ("mirror", "registries.yaml:6"),
            ("rewrite", "registries.yaml:8"),
            ("mirror", "registries.yaml:10"),
            ("credentials", "registries.yaml:14"),
            ("every-registry", "registries.yaml:19"),
        ],
    );
    assert!(!format!("{:?}", import(Target::K3s, &files)).contains("secret"));
}

#[test]
fn openshift_becomes_a_policy() {
    let pem = AUTHORITY.trim_end().replace('\n', "\n    ");
    let yaml = format!(
        "apiVersion: v1
kind: ConfigMap
data:
  reg.test..5443: |
    {pem}
---
apiVersion: config.openshift.io/v1
kind: Image
spec:
  registrySources:
    allowedRegistries:
    - quay.io
    - h.test:5000/team
    - \"*.example.com\"
    - p.test:5000
    insecureRegistries: [p.test:5000, q.test:5000, p.test/x]
    containerRuntimeSearchRegistries: [quay.io]
  allowedRegistriesForImport:
  - domainName: z.test
"
    );
    let at = |line: &str| yaml.lines().position(|other| other.contains(line)).unwrap() + 1;
    let place = |line: &str| format!("image.yaml:{}", at(line));
    let insecure = place("insecureRegistries");
    expect(
        Target::Openshift,
        &[("image.yaml", &yaml)],
        json!({
            "whitelist": ["quay.io:443", "h.test:5000/team", "*.example.com", "p.test:5000"],
            "insecure": ["p.test:5000"],
            "certificate_authorities": [{ "pem": AUTHORITY, "registries": ["reg.test:5443"] }],
        }),
        &[
            ("insecure-rejected", &insecure),
            ("insecure-namespace", &insecure),
            ("short-names", &place("containerRuntimeSearchRegistries")),
            ("image-streams", &place("domainName")),
        ],
    );
    let blocked = "kind: Image\nspec: {registrySources: {blockedRegistries: [evil.test]}}\n";
    expect(Target::Openshift, &[("x", blocked)], json!({ "insecure": [], "blocked": ["evil.test"] }), &[]);
    expect(Target::Openshift, &[("x", "kind: Pod\n")], json!({ "insecure": [] }), &[("object-unknown", "x:1")]);
}

#[test]
fn expressions_are_imported_only_as_they_were_exported() {
    let text = "kind: ValidatingAdmissionPolicy\nspec: {}\n";
    expect(Target::Kubernetes, &[("x", text)], json!({ "insecure": [] }), &[("expressions-unknown", "x:1")]);
    let exported = with_policy(r#"{"whitelist":["quay.io"]}"#, |policy| {
        let files = HostFiles::none();
        let export = Target::Kubernetes
            .export(&ExportRequest { policy, files: &files, allows_wider: false, gate: None })
            .unwrap();
        text_of(&export.files, "/pullgate-admission-policy.yaml").unwrap().to_owned()
    });
    let policy = json!({ "whitelist": ["quay.io"], "insecure": [] });
    expect(Target::Kubernetes, &[("x", &exported)], policy.clone(), &[]);
    let changed = exported.replace("n[0] == ''quay.io''", "true").replace("n[0] == 'quay.io'", "true");
    assert_ne!(changed, exported);
    let found = import(Target::Kubernetes, &[("x", &changed)]);
    assert_eq!((found.whitelist, found.findings[0].code), (None, "expressions-changed"));
    let audit = exported.replace("- Deny", "- Audit");
    let found = import(Target::Kubernetes, &[("x", &audit)]);
    assert_eq!((found.to_policy(), found.findings[0].code), (policy, "binding-audit"));
}

#[test]
fn virtual_container_hosts_become_a_policy() {
    let line = "./vic-machine-linux create --name x \\\n --wr 'a.test' --whitelist-registry=b.test:443 \\\n --dir \
    10.0.0.0/8 \\\n --rc ca.pem --rc gone.pem\n";
    expect(
        Target::VicMachine,
        &[("vic.sh", line), ("ca.pem", AUTHORITY)],
        json!({
            "whitelist": ["a.test", "b.test:443"],
            "insecure": ["10.0.0.0/8"],
            "certificate_authorities": [{ "pem": AUTHORITY }],
        }),
        &[("authority-elsewhere", "vic.sh:4")],
    );
    let host = json!({ "name": "x", "registry": {
        "whitelist": ["a.test"],
        "insecure": ["b.test:5000"],
        "image_fetch_proxy": { "http": "http://p" },
        "certificate_authorities": [{ "pem": AUTHORITY }],
    }});
    expect(
        Target::Vch,
        &[("vch.json", &host.to_string())],
        json!({
            "whitelist": ["a.test"],
            "insecure": ["b.test:5000"],
            "certificate_authorities": [{ "pem": AUTHORITY }],
        }),
        &[("proxy", "vch.json:1")],
    );
    let empty = r#"{"registry": {"whitelist": [], "insecure": []}}"#;
    expect(Target::Vch, &[("x", empty)], json!({ "whitelist": [], "insecure": [] }), &[("whitelist-empty", "x:1")]);
}

#[test]
fn plain_lists_become_whitelists() {
    for text in
        ["quay.io\n# no\n\n  10.0.0.0/8  # yes\n", "[\"quay.io\",\n\"10.0.0.0/8\"]", "- quay.io\n- \"10.0.0.0/8\"\n"]
    {
        let sources = [SourceFile { path: "list".to_owned(), text: text.to_owned() }];
        let import = ImportSource::List.import(&sources);
        assert_eq!(import.to_policy()["whitelist"], json!(["quay.io", "10.0.0.0/8"]), "{text}");
        assert_eq!(import.findings, []);
    }
    let sources = [SourceFile { path: "list".to_owned(), text: "harbor.*\n".to_owned() }];
    let import = ImportSource::List.import(&sources);
    assert_eq!((import.findings[0].code, import.findings[0].origin.to_string().as_str()), ("entry-invalid", "list:1"));
}

#[test]
fn registry_access_management_becomes_a_whitelist() {
    let import = |text: &str| {
        ImportSource::DockerDesktop.import(&[SourceFile { path: "ram.json".to_owned(), text: text.to_owned() }])
    };
    let text = r#"{"enabled": true,
"standard_registries": [{"id": "DockerHub", "allowed": true}, {"id": "Other", "allowed": false}],
"custom_registries": [
{"friendly_name": "ours", "address": "https://h.example:5000/", "allowed": true},
{"friendly_name": "theirs", "address": "evil.example", "allowed": false},
{"friendly_name": "blobs", "address": "s3.example", "allowed": true}]}"#;
    let found = import(text);
    assert_eq!(
        found.to_policy(),
        json!({ "whitelist": ["docker.io", "h.example:5000", "s3.example"], "insecure": [] })
    );
    let origins: Vec<_> = found.whitelist.iter().flatten().map(|entry| entry.origin.line).collect();
    assert_eq!(origins, [Some(2), Some(4), Some(6)]);
    assert_eq!(found.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["second-hosts"]);
    for (text, whitelist, code) in [
        (r#"{"enabled": false, "custom_registries": [{"address": "h", "allowed": true}]}"#, None, "list-disabled"),
        (r#"{"custom_registries": [{"address": "h", "allowed": true}]}"#, None, "source-empty"),
        (r#"{"enabled": "true", "custom_registries": [{"address": "h", "allowed": true}]}"#, None, "source-empty"),
        (r#"{"registries": ["h"]}"#, None, "source-empty"),
        (r#"{"enabled": true, "standard_registries": [{"id": "X", "allowed": true}]}"#, Some(0), "registry-unknown"),
        (r#"{"enabled": true, "custom_registries": [{"allowed": true}]}"#, Some(0), "entry-invalid"),
        ("{", None, "source-syntax"),
    ] {
        let found = import(text);
        assert_eq!(found.whitelist.as_ref().map(Vec::len), whitelist, "{text}");
        assert_eq!(found.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code], "{text}");
    }
}

#[test]
fn nothing_is_a_policy_by_accident() {
    for source in ImportSource::all().into_iter().filter(|source| *source != ImportSource::List) {
        for text in ["", "{", "[", "\u{0}", "{}", "- a\n", "a: [", "\"", "&a [*a]"] {
            let import = import_from(source, &[("x/hosts.toml", text), ("x.json", text), ("x", text)]);
            assert_eq!(import.whitelist, None, "{source:?}: {text}");
        }
    }
}
