//! Values of configuration files in YAML.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, Yaml, YamlData, YamlEmitter};

use crate::config_value::{ConfigKind, ConfigMember, ConfigSyntaxError, ConfigValue};

/// Maximum number of nested values, far above that of any configuration file.
const MAX_DEPTH: usize = 64;

/// Parses the documents of a text in YAML. JSON is YAML, but for texts that have tabs.
pub fn read_yaml(text: &str) -> Result<Vec<ConfigValue>, ConfigSyntaxError> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| ConfigSyntaxError { line: error.marker().line(), message: error.info().to_owned() })?;
    documents.iter().map(|document| from_yaml(document, 0)).collect()
}

fn from_yaml(value: &MarkedYaml<'_>, depth: usize) -> Result<ConfigValue, ConfigSyntaxError> {
    let line = value.span.start.line();
    if depth > MAX_DEPTH {
        return Err(ConfigSyntaxError {
            line,
            message: format!("values are nested more than {MAX_DEPTH} levels deep"),
        });
    }
    let kind = match &value.data {
        YamlData::Value(scalar) => from_yaml_scalar(scalar),
        YamlData::Representation(text, _, _) => ConfigKind::String(text.to_string()),
        YamlData::Sequence(elements) => {
            ConfigKind::List(elements.iter().map(|value| from_yaml(value, depth + 1)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(mapping) => {
            let members = mapping.iter().map(|(name, value)| {
                let line = name.span.start.line();
                let name = match &name.data {
                    YamlData::Value(Scalar::String(name)) => name.to_string(),
                    YamlData::Value(Scalar::Integer(name)) => name.to_string(),
                    YamlData::Value(Scalar::Boolean(name)) => name.to_string(),
                    YamlData::Representation(name, _, _) => name.to_string(),
                    _ => return Err(ConfigSyntaxError { line, message: "a key is no text".to_owned() }),
                };
                Ok(ConfigMember { name, line, value: from_yaml(value, depth + 1)? })
            });
            ConfigKind::Map(members.collect::<Result<_, _>>()?)
        }
        YamlData::Tagged(_, value) => return from_yaml(value, depth + 1),
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err(ConfigSyntaxError { line, message: "a value cannot be read".to_owned() });
        }
    };
    Ok(ConfigValue { line, kind })
}

fn from_yaml_scalar(scalar: &Scalar<'_>) -> ConfigKind {
    match scalar {
        Scalar::Null => ConfigKind::Null,
        Scalar::Boolean(value) => ConfigKind::Bool(*value),
        Scalar::Integer(number) => ConfigKind::Number(number.to_string()),
        Scalar::FloatingPoint(number) => ConfigKind::Number(number.to_string()),
        Scalar::String(text) => ConfigKind::String(text.to_string()),
    }
}

/// Writes a value as a document of YAML, without the document mark.
pub fn write_yaml(value: &ConfigValue) -> String {
    let mut text = String::new();
    let mut emitter = YamlEmitter::new(&mut text);
    emitter.multiline(true);
    // Writing to a text cannot fail.
    let _ = emitter.dump(&to_yaml(value));
    let mut text = text.strip_prefix("---\n").unwrap_or(&text).to_owned();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn to_yaml(value: &ConfigValue) -> Yaml<'_> {
    match &value.kind {
        ConfigKind::Null => Yaml::Value(Scalar::Null),
        ConfigKind::Bool(value) => Yaml::Value(Scalar::Boolean(*value)),
        ConfigKind::Number(text) => Yaml::value_from_str(text),
        ConfigKind::String(text) => Yaml::Value(Scalar::String(text.into())),
        ConfigKind::List(elements) => Yaml::Sequence(elements.iter().map(to_yaml).collect()),
        ConfigKind::Map(members) => {
            let members = members.iter().map(|member| {
                let name = Yaml::Value(Scalar::String(member.name.as_str().into()));
                (name, to_yaml(&member.value))
            });
            Yaml::Mapping(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lines() {
        let yaml = read_yaml("# x\na:\n  - \"10.0.0.1:5000\"\n  - h\nb: {c: true}\n").unwrap();
        assert_eq!(yaml[0].get("a").unwrap().strings(), [("10.0.0.1:5000", 3), ("h", 4)]);
        assert_eq!(yaml[0].at(&["b", "c"]).unwrap().as_bool(), Some(true));
        assert_eq!(read_yaml("a: [\nb").unwrap_err().line, 2);
        assert!(read_yaml(&"[".repeat(1_000)).is_err());
    }

    #[test]
    fn yaml_is_read_as_it_was_written() {
        let value = ConfigValue::map([
            ("text", ConfigValue::string("true")),
            ("colon", ConfigValue::string("10.0.0.1:5000")),
            ("pem", ConfigValue::string("-----BEGIN X-----\nAA==\n-----END X-----\n")),
            ("list", ConfigValue::list([ConfigValue::string("*.example.com"), ConfigValue::bool(true)])),
            ("none", ConfigValue::list([])),
        ]);
        let read = read_yaml(&write_yaml(&value)).unwrap();
        assert_eq!(write_yaml(&read[0]), write_yaml(&value));
        assert_eq!(read[0].get("pem").unwrap().as_str(), value.get("pem").unwrap().as_str());
        assert_eq!(read[0].get("text").unwrap().as_str(), Some("true"));
    }
}
