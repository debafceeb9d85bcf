//! Whether a JSON value is what a schema of the document says: as much of JSON Schema as the document uses.
//!
//! Stricter than the standard in one way: a field that the schema does not tell of is a mistake, so that no answer has
//! fields that nobody documented.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api_operations::resolved;

/// What is wrong with a value, each with its place; nothing when it fits.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|one| faults(document, one, value).is_empty()).count();
        if fitting != 1 {
            let all: Vec<String> = choices.iter().flat_map(|one| faults(document, one, value)).collect();
            found.push(format!("{place}: fits {fitting} of its forms: {all:?}"));
        }
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{place}: {value} is none of {allowed:?}"));
    }
    if !schema["type"].is_null() && !types(&schema["type"]).contains(&kind(value)) {
        found.push(format!("{place}: {} instead of {}", kind(value), schema["type"]));
    }
    if let (Some(format), Some(text)) = (schema["format"].as_str(), value.as_str())
        && format == "date-time"
        && text.parse::<jiff::Timestamp>().is_err()
    {
        found.push(format!("{place}: {text} is no date-time"));
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{place}/{at}"), found);
    }
    let fields = fields(document, schema);
    if let (Some(object), false) = (value.as_object(), fields.is_empty()) {
        for (name, (parts, is_required)) in &fields {
            match object.get(name) {
                Some(inner) => {
                    parts.iter().for_each(|part| check(document, part, inner, &format!("{place}/{name}"), found))
                }
                None if *is_required => found.push(format!("{place}/{name} is missing")),
                None => {}
            }
        }
        let extra = object.keys().filter(|name| !fields.contains_key(*name));
        found.extend(extra.map(|name| format!("{place}/{name} is not documented")));
    }
}

/// Every field that a schema tells of, also through `allOf`: its schemas, and whether it has to be there.
fn fields<'a>(document: &'a Value, schema: &'a Value) -> BTreeMap<String, (Vec<&'a Value>, bool)> {
    let schema = resolved(document, schema);
    let mut all: BTreeMap<String, (Vec<&Value>, bool)> = BTreeMap::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        for (name, (schemas, is_required)) in fields(document, part) {
            let known = all.entry(name).or_default();
            known.0.extend(schemas);
            known.1 |= is_required;
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        all.entry(name.clone()).or_default().0.push(inner);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        all.entry(name.to_owned()).or_default().1 = true;
    }
    all
}

fn types(told: &Value) -> Vec<&str> {
    match told {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
