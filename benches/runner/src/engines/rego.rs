//! Rego under regorus: entries as data, hosts in objects, as OPA's page on the performance of policies teaches.

use std::collections::BTreeMap;

use anyhow::Result;
use regorus::{CompiledPolicy, Engine, Value};
use serde_json::json;

use crate::engines::EnginePolicy;
use crate::engines::entries::{EntryLists, RegistryAccess};

/// The rules.
const RULES: &str = include_str!("../../registry.rego");

/// The rules with the entries as their data.
pub struct RegoPolicy {
    compiled: CompiledPolicy,
}

impl RegoPolicy {
    pub fn new(lists: &EntryLists) -> Result<Self> {
        let mut engine = Engine::new();
        engine.add_policy("registry.rego".to_owned(), RULES.to_owned())?;
        engine.add_data(data(lists).into())?;
        Ok(Self { compiled: engine.compile_with_entrypoint(&"data.registry.allow".into())? })
    }
}

/// Returns the entries as the rules read them.
pub fn data(lists: &EntryLists) -> serde_json::Value {
    let hosts: BTreeMap<_, _> = lists.hosts.iter().map(|host| (host, true)).collect();
    let ports: BTreeMap<_, _> = lists.hosts_on_port.iter().map(|(host, port)| (host, [port])).collect();
    let suffixes: Vec<_> = lists.domains.iter().map(|domain| format!(".{domain}")).collect();
    json!({ "hosts": hosts, "ports": ports, "suffixes": suffixes, "networks": lists.networks })
}

impl EnginePolicy for RegoPolicy {
    fn name(&self) -> &'static str {
        "regorus"
    }

    fn is_allowed(&self, access: &RegistryAccess) -> Result<bool> {
        let mut input = BTreeMap::from([
            (Value::from("host"), Value::from(access.host.as_str())),
            (Value::from("port"), Value::from(u64::from(access.port))),
        ]);
        if let Some(address) = &access.address {
            input.insert(Value::from("address"), Value::from(address.as_str()));
        }
        Ok(self.compiled.eval_with_input(Value::from(input))? == Value::from(true))
    }
}
