//! JSON schemas as Gemini reads them. Keywords it does not know are ignored there rather than refused, so schemas go out as they were
//! written; what is lost in that way is named.

use serde_json::{Map, Value};

use crate::gateway::fields::Dropped;

/// Keywords that the API documents.
const KNOWN: [&str; 21] = [
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "oneOf",
    "properties",
    "additionalProperties",
    "required",
    "propertyOrdering",
];

/// Keywords that demand nothing of an answer.
const REMARKS: [&str; 7] = ["$schema", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly"];

/// Names the keywords of `response_format`'s schema that an answer will not be held to.
pub(super) fn name_ignored(schema: &Value, dropped: &mut Dropped) {
    match schema {
        Value::Array(schemas) => schemas.iter().for_each(|schema| name_ignored(schema, dropped)),
        Value::Object(fields) => name_ignored_fields(fields, dropped),
        _ => {}
    }
}

fn name_ignored_fields(fields: &Map<String, Value>, dropped: &mut Dropped) {
    for (name, value) in fields {
        match name.as_str() {
            "items" | "prefixItems" | "anyOf" | "oneOf" | "additionalProperties" => name_ignored(value, dropped),
            // Names of the user's own, with a schema each.
            "properties" | "$defs" => {
                value.as_object().into_iter().flatten().for_each(|(_, schema)| name_ignored(schema, dropped));
            }
            name if KNOWN.contains(&name) || REMARKS.contains(&name) => {}
            name => dropped.add(&format!("response_format.{name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_ignored_is_named_wherever_it_stands_and_names_of_fields_are_no_keywords() {
        let schema = json!({"type": "object", "$schema": "x", "properties": {
            "pattern": {"type": "string", "pattern": "a+", "default": "a"},
            "list": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"anyOf": [{"$ref": "#/$defs/x"}, {"const": 1}]}},
        }, "required": ["pattern"], "additionalProperties": {"maxLength": 2}, "$defs": {"x": {"type": "string", "minLength": 3}}});
        let mut dropped = Dropped::default();
        name_ignored(&schema, &mut dropped);
        let names = ["pattern", "uniqueItems", "const", "maxLength", "minLength"];
        assert_eq!(dropped.into_names(), names.map(|name| format!("response_format.{name}")));
    }
}
