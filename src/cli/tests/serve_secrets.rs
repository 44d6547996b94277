//! `pullgate serve`: token, certificate and key files, and their changes and expiry.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use common::daemon::{Daemon, TOKEN};
use common::{file, run};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

const OTHER_TOKEN: &str = "fedcba9876543210fedcba9876543210";

#[test]
fn a_token_is_taken_until_its_file_has_another() {
    let policy = file("json", r#"{"whitelist": []}"#);
    let token = file("token", TOKEN);
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns", "--token-file", &token, "--allow-policy-updates"]);
    let status = |token: &str| {
        let bearer = format!("Authorization: Bearer {token}");
        daemon.ask("PUT /v1/policy", &[&bearer], r#"{"whitelist": []}"#).0
    };
    assert_eq!((status(TOKEN), status(OTHER_TOKEN)), (200, 401));
    fs::rename(file("new", OTHER_TOKEN), &token).unwrap();
    daemon.says("the token was read again");
    assert_eq!((status(TOKEN), status(OTHER_TOKEN)), (401, 200));
    // The old token may be revoked.
    fs::rename(file("new", ""), &token).unwrap();
    daemon.says("no token is taken until its file can be used");
    assert_eq!((status(TOKEN), status(OTHER_TOKEN), status("")), (401, 401, 401));
    fs::rename(file("new", TOKEN), &token).unwrap();
    daemon.says("the token was read again");
    assert_eq!((status(TOKEN), status(OTHER_TOKEN)), (200, 401));
}

/// Creates a certificate that is valid in these years, and its key.
fn identity(from: i32, until: i32) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    (params.self_signed(&key).unwrap().pem(), key)
}

#[test]
fn a_certificate_out_of_its_time_is_said() {
    for (from, until, said) in
        [(2001, 2002, "a certificate has expired"), (2901, 2902, "a certificate is not valid yet")]
    {
        let (pem, pair) = identity(from, until);
        let (certificate, key) = (file("crt", pem), file("key", pair.serialize_pem()));
        let tls =
            ["--tls-certificate", &certificate, "--tls-key", &key, "--kubernetes-listen", "127.0.0.1:0", "--no-dns"];
        let (daemon, line) = Daemon::start_and_see("127.0.0.1:0", &tls, said);
        assert!(line.contains("WARN") && line.contains(&certificate), "{line}");
        // Again when it is read again.
        fs::write(&certificate, fs::read(&certificate).unwrap()).unwrap();
        daemon.says(said);
    }
}

#[test]
fn wrong_certificate_and_key_files_are_explained() {
    let ((pem, pair), (_, other)) = (identity(2001, 2901), identity(2001, 2901));
    let (certificate, key) = (file("crt", &pem), file("key", pair.serialize_pem()));
    let other = file("key", other.serialize_pem());
    let (der, der_key, encrypted) = (file("der", ""), file("der", pair.serialize_der()), file("key", ""));
    let openssl = |arguments: &[&str]| assert!(Command::new("openssl").args(arguments).status().unwrap().success());
    openssl(&["x509", "-in", &certificate, "-outform", "der", "-out", &der]);
    openssl(&["pkey", "-in", &key, "-aes256", "-passout", "pass:secret", "-out", &encrypted]);
    for (certificate, key, at, said) in [
        (&certificate, &other, &other, "is not that of the certificate in"),
        (&certificate, &certificate, &certificate, "has a certificate and no private key"),
        (&certificate, &encrypted, &encrypted, "is encrypted"),
        (&certificate, &der_key, &der_key, "openssl pkey -inform der"),
        (&certificate, &"/dev/null".to_owned(), &"/dev/null".to_owned(), "a pipe or a device"),
        (&der, &key, &der, "openssl x509 -inform der"),
        (&key, &key, &key, "has a private key and no certificate"),
    ] {
        let tls = ["--tls-certificate", certificate, "--tls-key", key, "--kubernetes-listen", "127.0.0.1:0"];
        let ran = run(&[&["serve", "--no-dns", "--audit", "off", "--listen", "127.0.0.1:0"], &tls[..]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(said) && ran.stderr.contains(at.as_str()), "{ran:?}");
    }
}

#[test]
fn secrets_that_every_user_may_read_are_said() {
    let (pem, pair) = identity(2001, 2901);
    let (certificate, key, token) = (file("crt", pem), file("key", pair.serialize_pem()), file("token", TOKEN));
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--kubernetes-listen", "127.0.0.1:0", "--no-dns"];
    let arguments = [&tls[..], &["--token-file", &token]].concat();
    for (mode, is_said) in [(0o640, false), (0o644, true)] {
        for path in [&key, &token] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(&certificate, fs::Permissions::from_mode(0o644)).unwrap();
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--audit", "off"], &arguments[..]].concat();
        // It starts, and ends at the signal.
        let mut command = Command::new("timeout");
        let ran =
            command.args(["--signal=TERM", "2", env!("CARGO_BIN_EXE_pullgate")]).args(arguments).output().unwrap();
        let ran = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.contains("stopping"), "{ran}");
        for path in [&key, &token] {
            let said = ran
                .lines()
                .any(|line| line.contains("every user may read this secret") && line.contains(path.as_str()));
            assert_eq!(said, is_said, "{ran}");
        }
        assert!(!ran.lines().any(|line| line.contains("secret") && line.contains(&certificate)), "{ran}");
    }
}

/// Puts something in the place of a file that cannot be read as one.
type FileFault = fn(&str);

const FILE_FAULTS: [(&str, FileFault); 5] = [
    ("pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("device", |path| symlink("/dev/zero", path).unwrap()),
    ("link to nothing", |path| symlink("nothing", path).unwrap()),
    ("link to itself", |path| symlink(path, path).unwrap()),
    ("folder", |path| fs::create_dir(path).unwrap()),
];

#[test]
fn pipes_devices_and_links_in_place_of_secrets_are_refused_at_once() {
    let (pem, pair) = identity(2001, 2901);
    let (certificate, key, token) = (file("crt", pem), file("key", pair.serialize_pem()), file("token", TOKEN));
    let good = [
        ("--tls-certificate", &certificate),
        ("--tls-key", &key),
        ("--token-file", &token),
        ("--client-ca", &certificate),
        ("--update-ca", &certificate),
        ("--gate-token-file", &token),
    ];
    for (flag, _) in good {
        for (name, fault) in FILE_FAULTS {
            let path = file("fault", "");
            fs::remove_file(&path).unwrap();
            fault(&path);
            let mut arguments = vec!["serve", "--no-dns", "--audit", "off", "--listen", "127.0.0.1:0"];
            arguments.extend(["--kubernetes-listen", "127.0.0.1:0", "--gate", "127.0.0.1:0"]);
            for (other, file) in good {
                arguments.extend([other, if other == flag { &path } else { file }]);
            }
            let mut command = Command::new("timeout");
            let ran = command.arg("10").arg(env!("CARGO_BIN_EXE_pullgate")).args(&arguments).output().unwrap();
            let said = String::from_utf8(ran.stderr).unwrap();
            assert_eq!(ran.status.code(), Some(2), "{flag} is a {name}: {said}");
            assert!(said.contains(&path), "{flag} is a {name}: {said}");
        }
    }
}

#[test]
fn pipes_and_links_that_take_the_place_of_a_token_hold_nothing_up() {
    let (policy, token) = (file("json", r#"{"whitelist": []}"#), file("token", TOKEN));
    let daemon = Daemon::start(&["--policy", &policy, "--no-dns", "--token-file", &token, "--allow-policy-updates"]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let status = || daemon.ask("PUT /v1/policy", &[&bearer], r#"{"whitelist": []}"#).0;
    for (name, fault) in FILE_FAULTS {
        assert_eq!(status(), 200, "before the {name}");
        fs::remove_file(&token).unwrap();
        fault(&token);
        daemon.says("no token is taken until its file can be used");
        assert_eq!((status(), daemon.get("/readyz").0), (401, 200), "{name}");
        let _ = fs::remove_dir(&token).or_else(|_| fs::remove_file(&token));
        fs::rename(file("new", TOKEN), &token).unwrap();
        daemon.says("the token was read again");
    }
}
