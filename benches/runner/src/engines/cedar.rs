//! Cedar: `permit` policies over a registry and the context of a request, as on docs.cedarpolicy.com.

use std::fmt::Write;
use std::str::FromStr;

use anyhow::Result;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use serde_json::{Value, json};

use crate::engines::EnginePolicy;
use crate::engines::entries::{EntryLists, RegistryAccess};

/// The form of the entries that are a host without a port. All others are a policy each.
#[derive(Clone, Copy, PartialEq)]
pub enum CedarForm {
    /// A policy for each, whose scope names the registry.
    PolicyPerEntry,
    /// Entities in a group, which one policy permits.
    RegistryGroup,
}

/// A policy set with its entities.
pub struct CedarPolicy {
    form: CedarForm,
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    principal: EntityUid,
    action: EntityUid,
    registry: EntityTypeName,
}

impl CedarForm {
    /// Returns the policies for the entries, in Cedar's syntax.
    pub fn policies(self, lists: &EntryLists) -> Result<String> {
        let mut text = String::new();
        let mut permit = |resource: &str, condition: &str| {
            writeln!(text, r#"permit(principal, action == Action::"pull", {resource}){condition};"#)
        };
        match self {
            Self::PolicyPerEntry => {
                for host in &lists.hosts {
                    permit(&format!(r#"resource == Registry::"{host}""#), "")?;
                }
            }
            Self::RegistryGroup => permit(r#"resource in RegistryGroup::"whitelist""#, "")?,
        }
        for (host, port) in &lists.hosts_on_port {
            let condition = format!(" when {{ context.port == {port} }}");
            permit(&format!(r#"resource == Registry::"{host}""#), &condition)?;
        }
        for domain in &lists.domains {
            permit("resource", &format!(r#" when {{ context.host like "*.{domain}" }}"#))?;
        }
        for network in &lists.networks {
            let is_inside = format!(r#"context has address && context.address.isInRange(ip("{network}"))"#);
            permit("resource", &format!(" when {{ {is_inside} }}"))?;
        }
        Ok(text)
    }

    /// Returns the entities that the policies name, in Cedar's JSON.
    fn entities(self, lists: &EntryLists) -> Value {
        if self == Self::PolicyPerEntry {
            return json!([]);
        }
        let group = json!({ "type": "RegistryGroup", "id": "whitelist" });
        let member = |host| json!({ "uid": { "type": "Registry", "id": host }, "attrs": {}, "parents": [group] });
        let mut entities: Vec<_> = lists.hosts.iter().map(member).collect();
        entities.push(json!({ "uid": group, "attrs": {}, "parents": [] }));
        entities.into()
    }
}

impl CedarPolicy {
    pub fn new(lists: &EntryLists, form: CedarForm) -> Result<Self> {
        Ok(Self {
            form,
            authorizer: Authorizer::new(),
            policies: form.policies(lists)?.parse()?,
            entities: Entities::from_json_value(form.entities(lists), None)?,
            principal: r#"Node::"worker""#.parse()?,
            action: r#"Action::"pull""#.parse()?,
            registry: EntityTypeName::from_str("Registry")?,
        })
    }
}

impl EnginePolicy for CedarPolicy {
    fn name(&self) -> &'static str {
        match self.form {
            CedarForm::PolicyPerEntry => "cedar-policy, a policy an entry",
            CedarForm::RegistryGroup => "cedar-policy, hosts in a group",
        }
    }

    fn is_allowed(&self, access: &RegistryAccess) -> Result<bool> {
        let mut pairs = vec![
            ("host".to_owned(), RestrictedExpression::new_string(access.host.clone())),
            ("port".to_owned(), RestrictedExpression::new_long(access.port.into())),
        ];
        if let Some(address) = &access.address {
            pairs.push(("address".to_owned(), RestrictedExpression::new_ip(address)));
        }
        let registry = EntityUid::from_type_name_and_id(self.registry.clone(), EntityId::new(&access.host));
        let context = Context::from_pairs(pairs)?;
        let request = Request::new(self.principal.clone(), self.action.clone(), registry, context, None)?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        Ok(response.decision() == Decision::Allow)
    }
}
