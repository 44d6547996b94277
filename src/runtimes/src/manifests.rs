//! Manifests of Kubernetes, as sources of an import or given to the doctor.

use crate::config_value::{ConfigSyntaxError, ConfigValue};
use crate::import::{Import, SourceFile};
use crate::yaml::read_yaml;

/// Imports the objects of manifests in YAML with `import_object`, which gets each object, its path, and the policy so
/// far.
pub(crate) fn import_manifests(
    sources: &[SourceFile],
    import_object: impl Fn(&ConfigValue, &str, &mut Import) + Copy,
) -> Import {
    let mut import = Import::default();
    for source in sources {
        match read_objects(&source.text) {
            Ok(objects) => objects.iter().for_each(|object| import_object(object, &source.path, &mut import)),
            Err(error) => import.report_syntax(&source.path, &error, "no object is created of it"),
        }
    }
    import
}

/// Reads the objects of a manifest in YAML. The items of a `List` are objects like others, and empty documents are
/// none.
pub(crate) fn read_objects(text: &str) -> Result<Vec<ConfigValue>, ConfigSyntaxError> {
    let mut objects = Vec::new();
    for document in read_yaml(text)? {
        add_objects(document, &mut objects);
    }
    Ok(objects)
}

fn add_objects(object: ConfigValue, objects: &mut Vec<ConfigValue>) {
    if object.get("kind").and_then(ConfigValue::as_str) == Some("List") {
        let items = object.get("items").map(ConfigValue::elements).unwrap_or_default();
        items.iter().for_each(|item| add_objects(item.clone(), objects));
    } else if !object.is_empty() {
        objects.push(object);
    }
}
