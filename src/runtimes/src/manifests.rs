//! Manifests of Kubernetes as sources of an import.

use crate::config_value::ConfigValue;
use crate::import::{Import, SourceFile};
use crate::yaml::read_yaml;

/// Imports the objects of manifests in YAML with `import_object`, which gets each object, its path, and the policy so
/// far. The items of a `List` are objects like others, and empty documents are none.
pub(crate) fn import_manifests(
    sources: &[SourceFile],
    import_object: impl Fn(&ConfigValue, &str, &mut Import) + Copy,
) -> Import {
    let mut import = Import::default();
    for source in sources {
        match read_yaml(&source.text) {
            Ok(documents) => {
                documents.iter().for_each(|document| visit_objects(document, &source.path, &mut import, import_object))
            }
            Err(error) => import.report_syntax(&source.path, &error, "no object is created of it"),
        }
    }
    import
}

fn visit_objects(
    object: &ConfigValue,
    path: &str,
    import: &mut Import,
    import_object: impl Fn(&ConfigValue, &str, &mut Import) + Copy,
) {
    if object.get("kind").and_then(ConfigValue::as_str) == Some("List") {
        let items = object.get("items").map(ConfigValue::elements).unwrap_or_default();
        items.iter().for_each(|item| visit_objects(item, path, import, import_object));
    } else if !object.is_empty() {
        import_object(object, path, import);
    }
}
