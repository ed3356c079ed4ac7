//! JSON schemas as Anthropic compiles them: every object is closed, and bounds on values are not known. What is changed so that the schema
//! means something else is named.

use serde_json::{Map, Value};

use crate::gateway::fields::Dropped;

/// Keywords that are refused.
const UNKNOWN: [&str; 17] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "unevaluatedProperties",
];

/// Formats that are known.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Changes a schema to one that is taken.
pub(super) fn adapt(schema: &mut Value, dropped: &mut Dropped) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| adapt(schema, dropped)),
        Value::Object(fields) => adapt_object(fields, dropped),
        _ => {}
    }
}

fn adapt_object(fields: &mut Map<String, Value>, dropped: &mut Dropped) {
    let refused = |(name, value): (&String, &Value)| {
        UNKNOWN.contains(&name.as_str())
            || (name == "minItems" && value.as_u64().is_none_or(|least| least > 1))
            || (name == "format" && value.as_str().is_none_or(|format| !FORMATS.contains(&format)))
    };
    let names: Vec<String> = fields.iter().filter(|field| refused(*field)).map(|(name, _)| name.clone()).collect();
    for name in names {
        fields.shift_remove(&name);
        dropped.add(&format!("response_format.{name}"));
    }
    if fields.get("type").is_some_and(|kind| kind == "object") || fields.contains_key("properties") {
        // Left out, it would allow fields that nobody described, which no client counts on. Stated, somebody does.
        if fields.insert("additionalProperties".into(), false.into()).is_some_and(|stated| stated != false) {
            dropped.add("response_format.additionalProperties");
        }
    }
    if let Some(alternatives) = fields.shift_remove("oneOf") {
        fields.entry("anyOf").or_insert(alternatives);
    }
    for (name, value) in fields {
        match name.as_str() {
            "items" | "anyOf" | "allOf" => adapt(value, dropped),
            // Names of the user's own, with a schema each.
            "properties" | "$defs" | "definitions" => {
                let schemas = value.as_object_mut().into_iter().flatten();
                schemas.for_each(|(_, schema)| adapt(schema, dropped));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_closed_and_bounds_are_named_wherever_they_stand_and_names_stay() {
        let mut schema = json!({"type": "object", "properties": {
            "minimum": {"type": "integer", "minimum": 1, "description": "d"},
            "list": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "object", "properties": {}}, {"type": "string", "format": "odd"}]}},
        }, "required": ["minimum"], "$defs": {"x": {"type": "string", "maxLength": 3, "format": "date"}}});
        let mut dropped = Dropped::default();
        adapt(&mut schema, &mut dropped);
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {
                "minimum": {"type": "integer", "description": "d"},
                "list": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "object", "properties": {}, "additionalProperties": false}, {"type": "string"}]}},
            }, "required": ["minimum"], "$defs": {"x": {"type": "string", "format": "date"}}, "additionalProperties": false})
        );
        let names = ["response_format.minimum", "response_format.format", "response_format.maxLength"];
        assert_eq!(dropped.into_names(), names);
    }
}
