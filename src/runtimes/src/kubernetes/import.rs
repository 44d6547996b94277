//! An admission policy of pullgate as the policy that it was written from.

use crate::config_value::ConfigValue;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::kubernetes::{POLICY_ANNOTATION, cel};
use crate::manifests::import_manifests;
use crate::policy_view::PolicyView;

/// Imports objects of `pullgate export`. CEL that was written otherwise, or changed, is no list of entries.
pub fn import(sources: &[SourceFile]) -> Import {
    import_manifests(sources, import_object)
}

fn import_object(object: &ConfigValue, path: &str, import: &mut Import) {
    match object.get("kind").and_then(ConfigValue::as_str) {
        Some("ValidatingAdmissionPolicy") => import_policy(object, path, import),
        Some("ValidatingAdmissionPolicyBinding") => import_binding(object, path, import),
        _ => {
            let message = "this is no `ValidatingAdmissionPolicy`";
            import.report("object-unknown", ImportSeverity::Warning, Origin::new(path, object.line), message);
        }
    }
}

fn import_policy(object: &ConfigValue, path: &str, import: &mut Import) {
    let annotation = object.at(&["metadata", "annotations", POLICY_ANNOTATION]);
    let view = annotation.and_then(ConfigValue::as_str).and_then(|text| PolicyView::new(text, None).ok());
    let (Some(annotation), Some(view)) = (annotation, view) else {
        let message = "the expressions are not those of `pullgate export`, and CEL cannot be read as a list of entries";
        return import.report("expressions-unknown", ImportSeverity::Error, Origin::new(path, object.line), message);
    };
    let variables = object.at(&["spec", "variables"]).map(ConfigValue::elements).unwrap_or_default();
    let text_of = |name: &str| {
        let variable =
            variables.iter().find(|variable| variable.get("name").and_then(ConfigValue::as_str) == Some(name));
        variable.and_then(|variable| variable.get("expression")).and_then(ConfigValue::as_str)
    };
    if let Some((name, _)) =
        cel::object_variables(&view).iter().find(|(name, expression)| text_of(name) != Some(expression))
    {
        let message =
            format!("the expression of `{name}` is not that of the policy in the annotation: export it again");
        return import.report("expressions-changed", ImportSeverity::Error, Origin::new(path, object.line), message);
    }
    if view.is_whitelist_mode() {
        import.set_whitelist_mode();
    }
    let lists = [
        (ImportList::Whitelist, view.whitelist.as_deref().unwrap_or_default()),
        (ImportList::Insecure, &view.insecure),
        (ImportList::Blocked, &view.blocked),
    ];
    for (list, entries) in lists {
        for entry in entries {
            import.add(list, &entry.text, Origin::new(path, annotation.line), POLICY_ANNOTATION);
        }
    }
}

fn import_binding(object: &ConfigValue, path: &str, import: &mut Import) {
    let actions = object.at(&["spec", "validationActions"]);
    let denies = actions.is_some_and(|actions| actions.strings().iter().any(|(action, _)| *action == "Deny"));
    if !denies {
        let line = actions.map_or(object.line, |actions| actions.line);
        let message = "the binding does not deny: what the policy does not allow is only recorded";
        import.report("binding-audit", ImportSeverity::Warning, Origin::new(path, line), message);
    }
}
