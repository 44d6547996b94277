//! A component compiled at run time answers byte for byte like the embedded machine code.

use pullgate::{EntryList, Request};
use pullgate_host::{EvaluatorOptions, Module};
use sha2::{Digest, Sha256};

const POLICIES: [&str; 3] = [
    r#"{"whitelist": ["10.2.40.40:443"], "insecure": ["10.2.2.1/24", "*.example.com", "192.168.100.207"]}"#,
    r#"{"whitelist": ["docker.io/library", "http://Harbor.Corp.Local.:5000/team"], "insecure": ["[2001:db8::1]"]}"#,
    r#"{"insecure": ["256.1.1.1", "bücher.example"], "unknown": [1.5e3, "\ud800"]}"#,
];

const REFERENCES: [&str; 9] = [
    "10.2.40.40/team/app:1",
    "10.2.2.7:5000/app",
    "registry.example.com/app",
    "192.168.100.207:8080/x/y@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "nginx",
    "harbor.corp.local:5000/team/app",
    "[2001:db8::1]:5000/app",
    "xn--bcher-kva.example/app",
    "no reference at all",
];

#[test]
fn compiled_and_built_in_modules_agree() {
    let component =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pkg/dist/pullgate.component.wasm")).unwrap();
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(&component));
    let (built_in, compiled) = (Module::built_in().unwrap(), Module::from_component(&component, &sha256).unwrap());
    assert_eq!((compiled.digest(), compiled.component_digest()), (built_in.digest(), built_in.component_digest()));
    assert_eq!(compiled.version().unwrap(), built_in.version().unwrap());
    assert_eq!(compiled.rules_digest().unwrap(), built_in.rules_digest().unwrap());
    for policy in POLICIES {
        assert_eq!(compiled.check_policy(policy, 0).unwrap(), built_in.check_policy(policy, 0).unwrap());
        for other in POLICIES {
            assert_eq!(compiled.compare(policy, other, 0).unwrap(), built_in.compare(policy, other, 0).unwrap());
        }
        let load = |module: &Module| module.load(policy, 0, EvaluatorOptions::default());
        let (Ok((compiled, _)), Ok((built_in, _))) = (load(&compiled), load(&built_in)) else {
            assert_eq!(load(&compiled).err().unwrap().to_string(), load(&built_in).err().unwrap().to_string());
            continue;
        };
        for reference in REFERENCES {
            let request = Request { reference, ..Request::default() };
            assert_eq!(compiled.decide_text_offline(&request), built_in.decide_text_offline(&request));
            assert_eq!(compiled.explain_offline(&request), built_in.explain_offline(&request));
        }
    }
    for text in REFERENCES {
        for list in [EntryList::Whitelist, EntryList::Insecure, EntryList::BuiltIn, EntryList::Blocked] {
            assert_eq!(compiled.check_entry(text, list).unwrap(), built_in.check_entry(text, list).unwrap(), "{text}");
        }
    }
}
