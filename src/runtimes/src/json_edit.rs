//! Changes of members in JSON texts. All else stays as it is written.

use jsonc_parser::cst::{CstInputValue, CstRootNode};

use crate::config_value::{ConfigKind, ConfigSyntaxError, ConfigValue, LineStarts, json_error, strict_json};

/// Sets members of the object in a text, or of a new one. A member without a value is removed.
pub(crate) fn set_members(
    text: Option<&str>,
    members: impl IntoIterator<Item = (&'static str, Option<CstInputValue>)>,
) -> Result<String, ConfigSyntaxError> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("{}\n");
    let root = CstRootNode::parse(text, &strict_json()).map_err(|error| json_error(&LineStarts::new(text), &error))?;
    let Some(object) = root.object_value() else {
        return Err(ConfigSyntaxError { line: 1, message: "the value is no object".to_owned() });
    };
    for (name, value) in members {
        // A name can be there twice, and programs take the last.
        let mut there = object.properties();
        there.retain(|property| property.decoded_name().as_deref() == Some(name));
        match (there.pop(), value) {
            (Some(property), Some(value)) => property.set_value(value),
            (Some(property), None) => property.remove(),
            (None, Some(value)) => drop(object.append(name, value)),
            (None, None) => {}
        }
        there.into_iter().for_each(|property| property.remove());
    }
    let mut text = root.to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Returns a list of texts.
pub(crate) fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> CstInputValue {
    CstInputValue::Array(texts.into_iter().map(|text| CstInputValue::String(text.into())).collect())
}

/// Converts a value.
pub(crate) fn to_input(value: &ConfigValue) -> CstInputValue {
    match &value.kind {
        ConfigKind::Null => CstInputValue::Null,
        ConfigKind::Bool(value) => CstInputValue::Bool(*value),
        ConfigKind::Number(number) => CstInputValue::Number(number.clone()),
        ConfigKind::String(text) => CstInputValue::String(text.clone()),
        ConfigKind::List(elements) => CstInputValue::Array(elements.iter().map(to_input).collect()),
        ConfigKind::Map(members) => {
            CstInputValue::Object(members.iter().map(|member| (member.name.clone(), to_input(&member.value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_members_stay_as_they_are_written() {
        let text = "{\n    \"log-driver\": \"journald\",   \n    \"a\": 1,\n    \"b\":2.50\n}\n";
        let edited =
            set_members(Some(text), [("a", Some(strings(["x"]))), ("c", Some(true.into())), ("z", None)]).unwrap();
        assert_eq!(
            edited,
            "{\n    \"log-driver\": \"journald\",   \n    \"a\": [\"x\"],\n    \"b\":2.50,\n    \"c\": true\n}\n"
        );
        assert_eq!(set_members(Some(&edited), [("a", None)]).unwrap().matches("\"a\"").count(), 0);
        assert_eq!(set_members(None, [("a", Some(strings(["x"])))]).unwrap(), "{\n  \"a\": [\"x\"]\n}\n");
        let twice = set_members(Some("{\"a\": 1, \"a\": 2}"), [("a", Some(true.into()))]).unwrap();
        assert_eq!(twice.matches("\"a\"").count(), 1);
        assert!(set_members(Some("{\"a\": 1,}"), [("a", None)]).is_err());
        assert!(set_members(Some("[]"), [("a", None)]).is_err());
    }
}
