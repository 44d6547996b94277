//! CEL under crate `cel`: one expression over variables, with a function for networks, which the crate has none for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Result;
use cel::{Context, Env, Program, Value};

use crate::engines::EnginePolicy;
use crate::engines::entries::{EntryLists, RegistryAccess};

const EXPRESSION: &str = "host in hosts \
     || (host in ports && port in ports[host]) \
     || suffixes.exists(suffix, host.endsWith(suffix)) \
     || (address != '' && networks.exists(network, isInNetwork(address, network)))";

/// The compiled expression, and the context with its entries.
pub struct CelPolicy {
    program: Program,
    entries: Context<'static, 'static>,
}

impl CelPolicy {
    pub fn new(lists: &EntryLists) -> Result<Self> {
        let env = Arc::new(Env::stdlib());
        let program = env.compile(EXPRESSION).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut entries = Context::with_env(env);
        let hosts: HashMap<String, Value> = lists.hosts.iter().map(|host| (host.clone(), true.into())).collect();
        let ports: HashMap<String, Value> = lists
            .hosts_on_port
            .iter()
            .map(|(host, port)| (host.clone(), vec![Value::Int((*port).into())].into()))
            .collect();
        let suffixes: Vec<_> = lists.domains.iter().map(|domain| format!(".{domain}")).collect();
        entries.add_variable_from_value("hosts", hosts);
        entries.add_variable_from_value("ports", ports);
        entries.add_variable_from_value("suffixes", suffixes);
        entries.add_variable_from_value("networks", lists.networks.clone());
        entries
            .add_function("isInNetwork", |address: Arc<String>, network: Arc<String>| {
                let network = network.parse::<ipnet::IpNet>().ok();
                network.zip(address.parse::<IpAddr>().ok()).is_some_and(|(network, address)| network.contains(&address))
            })
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(Self { program, entries })
    }
}

impl EnginePolicy for CelPolicy {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn is_allowed(&self, access: &RegistryAccess) -> Result<bool> {
        let mut context = self.entries.new_inner_scope();
        context.add_variable_from_value("host", access.host.as_str());
        context.add_variable_from_value("port", Value::Int(access.port.into()));
        context.add_variable_from_value("address", access.address.as_deref().unwrap_or_default());
        match self.program.execute(&context).map_err(|error| anyhow::anyhow!("the expression fails: {error}"))? {
            Value::Bool(is_allowed) => Ok(is_allowed),
            other => anyhow::bail!("the expression has the value {other:?}"),
        }
    }
}
