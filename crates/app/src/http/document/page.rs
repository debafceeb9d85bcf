//! `/docs`: the document as a page to read, written on the server from what is served as `openapi.json`.
//!
//! No script, no font, nothing from elsewhere: the one style sheet stands in the page and is named by its hash in the
//! policy. Every text is escaped, because the document quotes real answers.

use std::fmt::Write;
use std::sync::OnceLock;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::SERVED;
use super::codes::{ErrorCode, named};
use super::complete::SCOPE_EXTENSION;

/// The look of the page.
const STYLE: &str = include_str!("page.css");
/// Methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page; it is written once.
pub(super) fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let document: Value = serde_json::from_str(SERVED).unwrap_or_default();
        write(&document)
    })
}

/// What the page may load: its own style and nothing else.
pub(super) fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let make = || {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'none'; base-uri 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'"
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    };
    POLICY.get_or_init(make).clone()
}

/// An operation with its place.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    told: &'a Value,
}

fn write(document: &Value) -> String {
    let operations = operations(document);
    let groups: Vec<(&Value, Vec<&Operation<'_>>)> = list(&document["tags"])
        .map(|tag| (tag, operations.iter().filter(|one| one.told["tags"][0] == tag["name"]).collect()))
        .collect();
    let body: String = groups.iter().map(|(tag, all)| group(document, tag, all)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head>\n\
         <body>{nav}<main><h1 id=\"top\">{title} API</h1>{about}{body}{schemas}</main></body></html>\n",
        title = escaped(text(&document["info"]["title"])),
        nav = nav(&groups),
        about = about(document),
        schemas = schemas(document),
    )
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some(Operation { path, method, told: item.get(method)? }))
    });
    all.collect()
}

fn nav(groups: &[(&Value, Vec<&Operation<'_>>)]) -> String {
    let mut out = "<nav><a class=\"home\" href=\"#top\">threadkeep</a>".to_owned();
    for (tag, operations) in groups {
        out.push_str(&format!("<strong>{}</strong>", escaped(text(&tag["name"]))));
        for one in operations {
            let (id, title) = (text(&one.told["operationId"]), text(&one.told["summary"]));
            out.push_str(&format!("<a href=\"#{}\">{}</a>", escaped(id), escaped(title)));
        }
    }
    out + "<strong>reference</strong><a href=\"#errors\">Error codes</a><a href=\"#schemas\">Schemas</a></nav>"
}

fn about(document: &Value) -> String {
    let base = text(&document["servers"][0]["url"]);
    let key = &document["components"]["securitySchemes"]["key"]["description"];
    let codes = list(&document["components"]["schemas"]["Error"]["properties"]["code"]["enum"]).map(text);
    let row = |one: &ErrorCode| {
        format!("<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>", one.code, one.status, marked(one.what))
    };
    let rows: String = codes.filter_map(named).map(row).collect();
    format!(
        "<p class=\"soft\">Version {version} · <a href=\"{base}/openapi.json\">openapi.json</a> · base path \
         <code>{base}</code></p>{description}<h2 id=\"keys-and-scopes\">Keys and scopes</h2>{key}\
         <pre>Authorization: Bearer tk_…</pre>\
         <h2 id=\"errors\">Error codes</h2><p>Every error is \
         <code>{{\"success\": false, \"error\": …, \"code\": …, \"message\": …}}</code>.</p>\
         <div class=\"scroll\"><table><tr><th>code</th><th>status</th><th>when</th></tr>{rows}</table></div>",
        version = escaped(text(&document["info"]["version"])),
        description = paragraphs(text(&document["info"]["description"])),
        key = paragraphs(text(key)),
    )
}

fn group(document: &Value, tag: &Value, operations: &[&Operation<'_>]) -> String {
    let name = escaped(text(&tag["name"]));
    let articles: String = operations.iter().map(|one| article(document, one)).collect();
    format!("<h2 id=\"group-{name}\">{name}</h2><p class=\"soft\">{}</p>{articles}", marked(text(&tag["description"])))
}

fn article(document: &Value, one: &Operation<'_>) -> String {
    let id = escaped(text(&one.told["operationId"]));
    let scope = match text(&one.told[SCOPE_EXTENSION]) {
        "" => "no key".to_owned(),
        "any" => "any key".to_owned(),
        scope => format!("scope {scope}"),
    };
    format!(
        "<article id=\"{id}\"><h3><a href=\"#{id}\">{title}</a></h3>\
         <div class=\"call\"><span class=\"method {method}\">{upper}</span><code><span class=\"soft\">{base}</span>{path}</code>\
         <span class=\"tag\">{scope}</span><span class=\"tag\">{id}</span></div>\
         {what}{parameters}{body}<h4>Example</h4><pre>{curl}</pre>{answers}</article>",
        title = escaped(text(&one.told["summary"])),
        method = one.method,
        upper = one.method.to_uppercase(),
        base = base(document, one),
        path = escaped(one.path),
        what = paragraphs(text(&one.told["description"])),
        parameters = parameters(one),
        body = body(document, one),
        curl = escaped(&curl(document, one)),
        answers = answers(document, one),
    )
}

fn parameters(one: &Operation<'_>) -> String {
    let rows: String = list(&one.told["parameters"])
        .map(|told| {
            let needed = if told["required"] == true { ", required" } else { "" };
            format!(
                "<tr><td><code>{}</code></td><td class=\"soft\">{}{needed}</td><td>{}</td></tr>",
                escaped(text(&told["name"])),
                escaped(text(&told["in"])),
                marked(&format!("{}{}", text(&told["description"]), limits(&told["schema"]))),
            )
        })
        .collect();
    match rows.as_str() {
        "" => String::new(),
        rows => format!("<h4>Parameters</h4><div class=\"scroll\"><table class=\"fields\">{rows}</table></div>"),
    }
}

/// Type, limits and default of a parameter in words.
fn limits(schema: &Value) -> String {
    let mut all = vec![kind(schema)];
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        all.push(format!("{least} to {most}"));
    }
    if !schema["default"].is_null() {
        all.push(format!("{} unless told", schema["default"]));
    }
    format!(" ({})", all.join(", "))
}

fn body(document: &Value, one: &Operation<'_>) -> String {
    let schema = &one.told["requestBody"]["content"]["application/json"]["schema"];
    let fields = resolved(document, schema);
    match fields["properties"].as_object() {
        None => String::new(),
        Some(_) => format!("<h4>Body (JSON)</h4>{}", fields_table(fields)),
    }
}

fn fields_table(schema: &Value) -> String {
    // The list of required fields keeps the order of the record, which the parsed fields have lost.
    let required: Vec<&str> = list(&schema["required"]).map(text).collect();
    let fields = schema["properties"].as_object();
    let others = fields.into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !required.contains(name));
    let rows: String = required
        .iter()
        .copied()
        .chain(others)
        .map(|name| {
            let (inner, is_optional) = (&schema["properties"][name], !required.contains(&name));
            format!(
                "<tr><td><code>{}</code></td><td class=\"soft\">{}{}</td><td>{}</td></tr>",
                escaped(name),
                linked(inner),
                if is_optional { ", optional" } else { "" },
                marked(text(&inner["description"])),
            )
        })
        .collect();
    format!("<div class=\"scroll\"><table class=\"fields\">{rows}</table></div>")
}

fn curl(document: &Value, one: &Operation<'_>) -> String {
    let base = base(document, one);
    let mut out = "curl".to_owned();
    if one.method != "get" {
        out.push_str(&format!(" -X {}", one.method.to_uppercase()));
    }
    if !one.told[SCOPE_EXTENSION].is_null() {
        out.push_str(" -H \"Authorization: Bearer $KEY\"");
    }
    let content = &one.told["requestBody"]["content"]["application/json"];
    if !content["example"].is_null() {
        out.push_str(&format!(" \\\n  -d '{}'", content["example"].to_string().replace('\'', "'\\''")));
    }
    let needed = list(&one.told["parameters"]).filter(|told| told["required"] == true && told["in"] == "query");
    let query: Vec<String> = needed.map(|told| format!("{0}={{{0}}}", text(&told["name"]))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let _ = write!(out, " \\\n  'http://127.0.0.1:7878{base}{}{query}'", one.path);
    out
}

/// What stands before the path of an operation.
fn base<'a>(document: &'a Value, one: &Operation<'_>) -> &'a str {
    let is_root = !document["paths"][one.path]["servers"].is_null();
    if is_root { "" } else { text(&document["servers"][0]["url"]) }
}

fn answers(document: &Value, one: &Operation<'_>) -> String {
    let mut out = "<h4>Answers</h4><div class=\"scroll\"><table>".to_owned();
    let mut examples = String::new();
    for (status, told) in one.told["responses"].as_object().into_iter().flatten() {
        let answer = resolved(document, told);
        let content = &answer["content"]["application/json"];
        let codes = codes(&content["schema"]);
        let what = match codes.is_empty() {
            true => format!("{} {}", marked(text(&answer["description"])), linked(&content["schema"])),
            false => codes.iter().map(|code| format!("<code>{}</code>", escaped(code))).collect::<Vec<_>>().join(", "),
        };
        let _ = write!(out, "<tr><td>{status}</td><td>{what}</td></tr>");
        if !content["example"].is_null() {
            let shown = serde_json::to_string_pretty(&content["example"]).unwrap_or_default();
            let _ =
                write!(examples, "<details><summary>A real {status}</summary><pre>{}</pre></details>", escaped(&shown));
        }
    }
    out + "</table></div>" + &examples
}

/// The codes to which the schema of an error is narrowed.
fn codes(schema: &Value) -> Vec<&str> {
    list(&schema["allOf"]).flat_map(|part| list(&part["properties"]["code"]["enum"])).map(text).collect()
}

fn schemas(document: &Value) -> String {
    let mut out = "<h2 id=\"schemas\">Schemas</h2>".to_owned();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let name = escaped(name);
        let based: String = list(&schema["allOf"]).filter(|part| !part["$ref"].is_null()).map(linked).collect();
        let own = list(&schema["allOf"]).find(|part| !part["properties"].is_null()).unwrap_or(schema);
        let based = if based.is_empty() { based } else { format!("<p>All of {based}, and:</p>") };
        let what = paragraphs(text(&schema["description"]));
        let _ = write!(
            out,
            "<article id=\"schema-{name}\"><h3><a href=\"#schema-{name}\">{name}</a></h3>{what}{based}{}</article>",
            fields_table(own)
        );
    }
    out
}

/// The type of a value, with links to schemas.
fn linked(schema: &Value) -> String {
    if let Some(name) = text(&schema["$ref"]).strip_prefix("#/components/schemas/") {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escaped(name));
    }
    let choices: Vec<String> = list(&schema["oneOf"]).map(linked).collect();
    match (choices.is_empty(), schema["items"].is_object()) {
        (false, _) => choices.join(" or "),
        (true, true) => format!("list of {}", linked(&schema["items"])),
        (true, false) => escaped(&kind(schema)),
    }
}

/// The type of a plain value in words.
fn kind(schema: &Value) -> String {
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let told = types.join(" or ");
    match text(&schema["format"]) {
        "date-time" => told.replace("string", "date-time"),
        _ => told,
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match text(&value["$ref"]).strip_prefix('#') {
        Some(pointer) => document.pointer(pointer).unwrap_or(value),
        None => value,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").filter(|part| !part.is_empty()).map(|part| format!("<p>{}</p>", marked(part))).collect()
}

/// Escaped text in which backquotes mark code.
fn marked(text: &str) -> String {
    let parts = escaped(text);
    let mut out = String::new();
    for (at, part) in parts.split('`').enumerate() {
        match at % 2 {
            0 => out.push_str(part),
            _ => out.push_str(&format!("<code>{part}</code>")),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_schema_has_its_place_and_every_link_leads_somewhere() {
        let document: Value = serde_json::from_str(SERVED).unwrap();
        let page = page();
        for one in operations(&document) {
            assert!(page.contains(&format!("<article id=\"{}\">", text(&one.told["operationId"]))), "{}", one.path);
        }
        for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{link}\"")), "#{link}");
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_the_style_is_the_one_of_the_policy() {
        let page = page();
        for word in ["<script", "<link", "<img", "src=", "@import", "url(", " style=", "https://", "onclick"] {
            let quoted = ["https://"].contains(&word) && page.contains("&quot;https://");
            assert!(!page.contains(word) || quoted, "{word}");
        }
        let hash =
            STANDARD.encode(Sha256::digest(page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap()));
        assert!(policy().to_str().unwrap().contains(&format!("'sha256-{hash}'")));
    }

    #[test]
    fn texts_of_the_document_cannot_become_markup() {
        assert_eq!(marked("a `<b>` & \"c\""), "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
