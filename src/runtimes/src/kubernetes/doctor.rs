//! Admission policies of a cluster that do otherwise than a policy.

use crate::config_value::ConfigValue;
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::kubernetes::export::{EXEMPT_NAMESPACES, MATCHED_RESOURCES, VALIDATION};
use crate::kubernetes::{NAMESPACE_LABEL, POLICY_ANNOTATION, POLICY_NAME, cel};
use crate::manifests::read_objects;
use crate::policy_view::{PolicyEntry, PolicyView};
use crate::text::shown;

/// The remedy of what an export writes.
const EXPORT_MEND: &str = "`pullgate export --to kubernetes` writes it: apply it again";

/// An object with its file.
struct PlacedObject {
    file: String,
    object: ConfigValue,
}

/// Compares a policy with objects of a cluster, as `kubectl get -o yaml` prints them.
pub fn diagnose(request: &DoctorRequest<'_>) -> Vec<Disagreement> {
    let mut diagnosis = Diagnosis::default();
    let mut objects = Vec::new();
    for source in request.sources {
        match read_objects(&source.text) {
            Ok(found) => {
                objects.extend(found.into_iter().map(|object| PlacedObject { file: source.path.clone(), object }));
            }
            Err(error) => {
                let text = format!("the file does not parse: {}", error.message);
                diagnosis.fails("settings-unreadable", &source.path, error.line, text, "correct the line");
                return diagnosis.into_disagreements();
            }
        }
    }
    let file = request.sources.first().map_or("", |source| &source.path);
    let named = |kind: &str| {
        let is_named = |placed: &&PlacedObject| {
            let name = placed.object.at(&["metadata", "name"]).and_then(ConfigValue::as_str);
            placed.kind() == kind && name == Some(POLICY_NAME)
        };
        objects.iter().find(is_named)
    };
    match named("ValidatingAdmissionPolicy") {
        Some(policy) => {
            policy.diagnose_expressions(request, &mut diagnosis);
            policy.diagnose_matching(&mut diagnosis);
        }
        None => {
            let text =
                format!("there is no admission policy `{POLICY_NAME}`, so that the API server admits every image");
            diagnosis.silent("policy-missing", file, 0, text, EXPORT_MEND);
        }
    }
    match named("ValidatingAdmissionPolicyBinding") {
        Some(binding) => binding.diagnose_binding(request.policy.project, &mut diagnosis),
        None => {
            let text = format!("there is no binding `{POLICY_NAME}`, without which an admission policy has no effect");
            diagnosis.silent("binding-missing", file, 0, text, EXPORT_MEND);
        }
    }
    diagnosis.into_disagreements()
}

impl PlacedObject {
    fn kind(&self) -> &str {
        self.object.get("kind").and_then(ConfigValue::as_str).unwrap_or_default()
    }

    fn silent(&self, code: &'static str, at: &ConfigValue, text: impl Into<String>, diagnosis: &mut Diagnosis) {
        diagnosis.silent(code, &self.file, at.line, text, EXPORT_MEND);
    }

    /// Compares the expressions, by the lists that they were made from.
    fn diagnose_expressions(&self, request: &DoctorRequest<'_>, diagnosis: &mut Diagnosis) {
        let object = &self.object;
        let annotation = object.at(&["metadata", "annotations", POLICY_ANNOTATION]);
        let lists = annotation.and_then(ConfigValue::as_str).and_then(|text| PolicyView::new(text, None).ok());
        let (Some(annotation), Some(there)) = (annotation, lists) else {
            let text = "the expressions are not those of `pullgate export`, and are not compared";
            return self.silent("expressions-unknown", object, text, diagnosis);
        };
        let variables = object.at(&["spec", "variables"]).map(ConfigValue::elements).unwrap_or_default();
        for (name, expression) in cel::object_variables(&there) {
            let is_named = |value: &&ConfigValue| value.get("name").and_then(ConfigValue::as_str) == Some(&name);
            let variable = variables.iter().find(is_named);
            let found = variable.and_then(|variable| variable.get("expression"));
            if found.and_then(ConfigValue::as_str) != Some(&expression) {
                let text = format!("the expression of `{name}` is not the one of the lists in the annotation");
                let at = found.or(variable).unwrap_or(object);
                self.silent("expressions-changed", at, text, diagnosis);
            }
        }
        let validations = object.at(&["spec", "validations"]).map(ConfigValue::elements).unwrap_or_default();
        let denies =
            |validation: &ConfigValue| validation.get("expression").and_then(ConfigValue::as_str) == Some(VALIDATION);
        if !validations.iter().any(denies) {
            let text = format!("no validation is `{VALIDATION}`, so that nothing is denied");
            self.silent("expressions-changed", object.at(&["spec", "validations"]).unwrap_or(object), text, diagnosis);
        }
        self.diagnose_lists(request.policy.view, &there, annotation, diagnosis);
    }

    /// Compares the lists of the object with those of the policy.
    fn diagnose_lists(&self, own: &PolicyView, there: &PolicyView, at: &ConfigValue, diagnosis: &mut Diagnosis) {
        let file = &self.file;
        if own.is_whitelist_mode() && !there.is_whitelist_mode() {
            let text = "the object has no whitelist, and allows images of every registry that is not blocked";
            self.silent("access-open", at, text, diagnosis);
        }
        let missing = |of: &[PolicyEntry], from: &[PolicyEntry]| {
            let absent = of.iter().filter(|entry| !from.iter().any(|other| other.text == entry.text));
            absent.map(|entry| shown(&entry.text)).collect::<Vec<_>>()
        };
        let allowed = |view: &PolicyView| view.allowed().cloned().collect::<Vec<_>>();
        if there.is_whitelist_mode() {
            for entry in missing(&allowed(there), &allowed(own)) {
                let text = format!("`{entry}` is allowed, and the policy does not list it");
                self.silent("access-wider", at, text, diagnosis);
            }
            for entry in missing(&allowed(own), &allowed(there)) {
                let text = format!("`{entry}` is not allowed, and the policy lists it");
                diagnosis.fails("access-missing", file, at.line, text, EXPORT_MEND);
            }
        }
        for entry in missing(&own.blocked, &there.blocked) {
            let text = format!("`{entry}` is not blocked, and the policy blocks it");
            self.silent("blocked-missing", at, text, diagnosis);
        }
        for entry in missing(&there.blocked, &own.blocked) {
            let text = format!("`{entry}` is blocked, and the policy does not block it");
            diagnosis.fails("blocked-wider", file, at.line, text, EXPORT_MEND);
        }
    }

    /// Reports the objects that the policy is not evaluated for.
    fn diagnose_matching(&self, diagnosis: &mut Diagnosis) {
        let object = &self.object;
        let failure = object.at(&["spec", "failurePolicy"]);
        if let Some(failure) = failure.filter(|failure| failure.as_str() == Some("Ignore")) {
            let text = "with `failurePolicy: Ignore` an error of an expression admits the object";
            self.silent("failure-open", failure, text, diagnosis);
        }
        if let Some(conditions) = object.at(&["spec", "matchConditions"]).filter(|conditions| !conditions.is_empty()) {
            let text = "objects that `matchConditions` leave out are admitted with every image";
            self.silent("objects-exempt", conditions, text, diagnosis);
        }
        let constraints = object.at(&["spec", "matchConstraints"]);
        for name in ["excludeResourceRules", "namespaceSelector", "objectSelector"] {
            let limit = constraints.and_then(|constraints| constraints.get(name)).filter(|limit| !limit.is_empty());
            if let Some(limit) = limit {
                let text = format!("objects that `{name}` leaves out are admitted with every image");
                self.silent("objects-exempt", limit, text, diagnosis);
            }
        }
        let rules = constraints.and_then(|constraints| constraints.get("resourceRules"));
        let elements = rules.map(ConfigValue::elements).unwrap_or_default();
        for (group, resources) in MATCHED_RESOURCES {
            for resource in resources {
                if !elements.iter().any(|rule| covers_resource(rule, group, resource)) {
                    let text = format!("`{resource}` are not matched when they are created and updated");
                    self.silent("objects-exempt", rules.unwrap_or(object), text, diagnosis);
                }
            }
        }
    }

    /// Reports what a binding leaves out.
    fn diagnose_binding(&self, project: Option<&str>, diagnosis: &mut Diagnosis) {
        let object = &self.object;
        let policy = object.at(&["spec", "policyName"]);
        if policy.and_then(ConfigValue::as_str) != Some(POLICY_NAME) {
            let text = format!("the binding is of another policy than `{POLICY_NAME}`");
            self.silent("binding-missing", policy.unwrap_or(object), text, diagnosis);
        }
        let actions = object.at(&["spec", "validationActions"]);
        if !actions.is_some_and(|actions| actions.strings().iter().any(|(action, _)| *action == "Deny")) {
            let text = "the binding does not deny: what the policy does not allow is only recorded";
            self.silent("binding-audit", actions.unwrap_or(object), text, diagnosis);
        }
        let resources = object.at(&["spec", "matchResources"]);
        let limits = resources.map(ConfigValue::members).unwrap_or_default();
        for limit in limits.iter().filter(|limit| limit.name != "matchPolicy" && !limit.value.is_empty()) {
            if limit.name != "namespaceSelector" || !is_own_selector(&limit.value, project) {
                let text = match project {
                    Some(project) => {
                        format!("`{}` selects other objects than those of the namespace `{project}`", limit.name)
                    }
                    None => {
                        let exempt = EXEMPT_NAMESPACES.map(|name| format!("`{name}`")).join(" and ");
                        format!("`{}` leaves out more than the namespaces {exempt}", limit.name)
                    }
                };
                diagnosis.silent("objects-exempt", &self.file, limit.line, text, EXPORT_MEND);
            }
        }
    }
}

/// Returns whether a rule matches a resource when it is created and updated.
fn covers_resource(rule: &ConfigValue, group: &str, resource: &str) -> bool {
    let has = |name: &str, wanted: &str| {
        let texts = rule.get(name).map(ConfigValue::strings).unwrap_or_default();
        texts.iter().any(|(text, _)| *text == wanted || *text == "*")
    };
    // `*` is without subresources.
    let resources = rule.get("resources").map(ConfigValue::strings).unwrap_or_default();
    let has_resource = resources.iter().any(|(text, _)| match *text {
        "*/*" => true,
        "*" => !resource.contains('/'),
        text => text == resource,
    });
    let is_whole = rule.get("scope").and_then(ConfigValue::as_str) != Some("Cluster")
        && rule.get("resourceNames").is_none_or(ConfigValue::is_empty);
    is_whole
        && has("apiGroups", group)
        && has("apiVersions", "v1")
        && has("operations", "CREATE")
        && has("operations", "UPDATE")
        && has_resource
}

/// Returns whether a selector selects the namespaces of an export, or more of them.
fn is_own_selector(selector: &ConfigValue, project: Option<&str>) -> bool {
    let expressions = selector.get("matchExpressions").map(ConfigValue::elements).unwrap_or_default();
    let text = |value: &ConfigValue, name: &str| value.get(name).and_then(ConfigValue::as_str).map(str::to_owned);
    selector.get("matchLabels").is_none_or(ConfigValue::is_empty)
        && expressions.iter().all(|expression| {
            let values = expression.get("values").map(ConfigValue::strings).unwrap_or_default();
            text(expression, "key").as_deref() == Some(NAMESPACE_LABEL)
                && match (text(expression, "operator").as_deref(), project) {
                    (Some("NotIn"), None) => values.iter().all(|(value, _)| EXEMPT_NAMESPACES.contains(value)),
                    (Some("In"), Some(project)) => values.iter().any(|(value, _)| *value == project),
                    _ => false,
                }
        })
}
