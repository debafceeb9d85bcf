//! What holds for every operation and so is written once: scopes, errors and their bodies, headers, path parameters.
//!
//! Handlers name the codes that only they answer, as the description of the status; here each status gets its body with
//! exactly the codes that are possible. An unknown name is left out and found by the test of the document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    AllOfBuilder, ComponentsBuilder, Content, ContentBuilder, Header, HeaderBuilder, InfoBuilder, LicenseBuilder,
    OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema, ServerBuilder,
};

use super::codes::{CODES, named};
use super::params::in_path;

/// Where an operation says which scope a key needs.
pub const SCOPE_EXTENSION: &str = "x-required-scope";
/// The name of the only security scheme.
const KEY: &str = "key";
/// Where the API is below the server's root.
const BASE: &str = "/linkedin";
/// The status from which answers are errors.
const ERRORS_FROM: u16 = 400;

/// A real answer that is shown in the document.
#[derive(Debug, Clone)]
pub struct Example {
    /// The operation.
    pub operation: String,
    /// The status of the answer.
    pub status: u16,
    /// The body that was sent, if any.
    pub sent: Option<Value>,
    /// The body of the answer.
    pub body: Value,
}

/// Headers that tell how many requests are left.
const LIMIT_HEADERS: [&str; 5] =
    ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset", "X-RateLimit-Action"];

/// What `description` shows at the top of the document.
const ABOUT: &str = "\
threadkeep keeps a copy of a member's own LinkedIn conversations and answers the read part of ConnectSafely's \
\"LinkedIn messaging\" API from it. Every path is there twice, under `/linkedin` and bare. Reads never ask LinkedIn. What \
would write to LinkedIn answers 501 `read_only_mirror`.\n\n\
Every error has the same body, and its `code` is one of a closed list. Fields may be added to answers; none is ever taken \
away. Unknown parameters and fields of bodies are refused.";

/// The groups of operations, in the order in which they are shown.
const TAGS: [(&str, &str); 8] = [
    ("sync", "Copying from LinkedIn, and how the copy stands"),
    ("conversations", "Reading conversations and messages"),
    ("messaging", "The older family, answered directly"),
    ("accounts", "Accounts: their state, their login, their budget"),
    ("import", "LinkedIn's own data export"),
    ("keys", "API keys"),
    ("server", "The server itself"),
    ("write", "Not part of a mirror: always 501"),
];

/// Completes what the handlers told.
///
/// `slow` are the operations whose answers have limits of their own and so are never cut off.
pub(super) fn complete(mut told: OpenApi, slow: &BTreeSet<String>, examples: &[Example]) -> OpenApi {
    told.info = InfoBuilder::new()
        .title("threadkeep")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build()))
        .build();
    told.servers = Some(vec![ServerBuilder::new().url(BASE).build()]);
    let tag = |(name, what): (&str, &str)| TagBuilder::new().name(name).description(Some(what)).build();
    told.tags = Some(TAGS.map(tag).into());
    let mut schemas = told.components.take().map(|components| components.schemas).unwrap_or_default();
    let mut bodies = BTreeSet::new();
    let mut responses = BTreeMap::new();
    for (path, item) in &mut told.paths.paths {
        if matches!(path.as_str(), "/health" | "/docs") {
            item.servers = Some(vec![ServerBuilder::new().url("/").build()]);
        }
        for (operation, changes) in operations(item) {
            complete_operation(operation, (path, changes), slow, &mut responses);
            let body = body_schema(operation);
            if let (Some(RefOr::T(told)), Some(Schema::Object(fields))) =
                (&mut operation.request_body, body.as_ref().and_then(|name| schema_of(&schemas, name)))
            {
                told.required = Some(if fields.required.is_empty() { Required::False } else { Required::True });
            }
            bodies.extend(body);
            examples.iter().for_each(|one| show(operation, one));
        }
    }
    for (name, schema) in &mut schemas {
        if let RefOr::T(schema) = schema {
            settle(schema, bodies.contains(name));
        }
    }
    schemas.insert("Error".into(), RefOr::T(error_schema().into()));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .responses_from_iter(responses)
        .security_scheme(KEY, bearer());
    told.components =
        Some(headers().into_iter().fold(components, |all, (name, header)| all.header(name, header)).build());
    told
}

/// The names of the operations of a path.
pub(super) fn ids(mut item: PathItem) -> Vec<String> {
    operations(&mut item).filter_map(|(operation, _)| operation.operation_id.clone()).collect()
}

/// The operations of a path, and of each whether its method is one that may change something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [(get, false), (put, true), (post, true), (delete, true), (patch, true)];
    all.into_iter().filter_map(|(operation, changes)| Some((operation.as_mut()?, changes)))
}

/// The scope of an operation: `None` when it needs no key, an empty text when any key will do.
fn scope(operation: &Operation) -> Option<String> {
    let told = serde_json::to_value(operation.security.as_ref()?.first()?).ok()?;
    let scopes = told.get(KEY)?.as_array()?;
    Some(scopes.first().and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn complete_operation(
    operation: &mut Operation,
    (path, changes): (&str, bool),
    slow: &BTreeSet<String>,
    responses: &mut BTreeMap<String, Response>,
) {
    let scope = scope(operation);
    let shown =
        scope.as_deref().map_or(Value::Null, |scope| if scope.is_empty() { "any".into() } else { scope.into() });
    operation.extensions = Some([(SCOPE_EXTENSION, shown)].into_iter().collect());
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).filter_map(in_path);
    let mut parameters: Vec<_> = in_path.map(RefOr::T).collect();
    parameters.extend(operation.parameters.take().unwrap_or_default());
    operation.parameters = Some(parameters).filter(|all| !all.is_empty());

    operation.description = operation.description.take().map(|text| flowing(&text));

    let mut codes: BTreeSet<&str> = usual(scope.as_deref(), operation).into_iter().collect();
    if !operation.operation_id.as_ref().is_some_and(|id| slow.contains(id)) {
        codes.insert("timed_out");
    }
    if changes {
        codes.insert("csrf");
    }
    let told = std::mem::take(&mut operation.responses.responses);
    for (status, response) in told {
        let is_error = status.parse().is_ok_and(|status: u16| status >= ERRORS_FROM);
        match response {
            RefOr::T(Response { description, content, .. }) if is_error && content.is_empty() => {
                codes.extend(description.split(", ").filter_map(named).map(|one| one.code));
            }
            RefOr::T(mut response) => {
                response.headers.extend(limit_headers());
                operation.responses.responses.insert(status, RefOr::T(response));
            }
            other => drop(operation.responses.responses.insert(status, other)),
        }
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for one in CODES.iter().filter(|one| codes.contains(one.code)) {
        by_status.entry(one.status).or_default().push(one.code);
    }
    for (status, codes) in by_status {
        let name = format!("{status}.{}", codes.join("."));
        let link = RefOr::Ref(Ref::from_response_name(&name));
        responses.entry(name).or_insert_with(|| error(status, &codes));
        operation.responses.responses.insert(status.to_string(), link);
    }
}

/// A text whose lines were broken for the source, without the breaks.
fn flowing(text: &str) -> String {
    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// The codes that an operation may answer whatever it does.
fn usual(scope: Option<&str>, operation: &Operation) -> Vec<&'static str> {
    let mut all = vec!["credentials_in_url", "host_not_allowed", "too_many_requests", "internal_error"];
    if let Some(scope) = scope {
        all.extend(["unauthorized", "invalid_key", "storage_broken", "storage_unavailable"]);
        if !scope.is_empty() {
            all.extend(["scope_required", "unknown_field", "invalid_parameter"]);
        }
    }
    if operation.request_body.is_some() {
        all.extend(["invalid_json", "body_timeout", "body_too_large"]);
    }
    all
}

fn error(status: u16, codes: &[&str]) -> Response {
    let whats: Vec<String> =
        codes.iter().filter_map(|code| named(code)).map(|one| format!("`{}`: {}", one.code, one.what)).collect();
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().copied()));
    let schema = json_schema(ObjectBuilder::new().property("code", code));
    let mut response = ResponseBuilder::new().description(whats.join("; ")).content("application/json", schema).build();
    response.headers.extend(limit_headers());
    let more = match status {
        401 => Some("WWW-Authenticate"),
        429 | 502..=504 => Some("Retry-After"),
        _ => None,
    };
    response.headers.extend(more.map(header_link));
    response
}

/// The body of an error, narrowed to some codes.
fn json_schema(narrowed: ObjectBuilder) -> Content {
    let all = AllOfBuilder::new().item(Ref::from_schema_name("Error")).item(narrowed);
    ContentBuilder::new().schema(Some(all)).build()
}

fn error_schema() -> ObjectBuilder {
    let text = |what: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(what));
    let never = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false]));
    let codes = CODES.iter().map(|one| one.code);
    let position = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .description(Some("Only for a search: the character where its mistake is, from 1"));
    ObjectBuilder::new()
        .description(Some("The body of every error"))
        .property("success", never)
        .property("error", text("What to do, in words"))
        .property("code", text("One of a closed list").enum_values(Some(codes)))
        .property("message", text("The same as `error`"))
        .property("position", position)
        .required("success")
        .required("error")
        .required("code")
        .required("message")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// Answers always have all their fields. Bodies of requests have no others than those that are told.
fn settle(schema: &mut Schema, is_request: bool) {
    match schema {
        Schema::Object(object) => {
            if object.properties.is_empty() {
                return;
            }
            if is_request {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            } else {
                object.required = object.properties.keys().cloned().collect();
            }
            object.properties.values_mut().for_each(|one| settle_inner(one, is_request));
        }
        Schema::Array(array) => {
            if let utoipa::openapi::schema::ArrayItems::RefOrSchema(items) = &mut array.items {
                settle_inner(items, is_request);
            }
        }
        Schema::OneOf(one_of) => one_of.items.iter_mut().for_each(|one| settle_inner(one, is_request)),
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(|one| settle_inner(one, is_request)),
        _ => {}
    }
}

fn settle_inner(schema: &mut RefOr<Schema>, is_request: bool) {
    if let RefOr::T(schema) = schema {
        settle(schema, is_request);
    }
}

/// The name of the schema of an operation's request body.
fn body_schema(operation: &Operation) -> Option<String> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.get("application/json")? else { return None };
    match content.schema.as_ref()? {
        RefOr::Ref(link) => link.ref_location.rsplit('/').next().map(ToOwned::to_owned),
        RefOr::T(_) => None,
    }
}

fn schema_of<'a>(schemas: &'a BTreeMap<String, RefOr<Schema>>, name: &str) -> Option<&'a Schema> {
    match schemas.get(name)? {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(_) => None,
    }
}

fn show(operation: &mut Operation, example: &Example) {
    if operation.operation_id.as_ref() != Some(&example.operation) {
        return;
    }
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(&example.status.to_string())
        && let Some(RefOr::T(content)) = response.content.get_mut("application/json")
    {
        content.example = Some(example.body.clone());
    }
    if let (Some(RefOr::T(body)), Some(sent)) = (&mut operation.request_body, &example.sent)
        && let Some(RefOr::T(content)) = body.content.get_mut("application/json")
    {
        content.example = Some(sent.clone());
    }
}

fn bearer() -> SecurityScheme {
    let what = "A key that `threadkeep key create` or `POST /keys` made. Its scopes (`read`, `media`, `sync`, `admin`) say \
                what it may do; `admin` includes the others.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what)).build())
}

fn headers() -> [(&'static str, Header); 7] {
    let whole = || Object::builder().schema_type(Type::Integer).minimum(Some(0));
    let one =
        |schema: ObjectBuilder, what: &str| HeaderBuilder::new().schema(Some(schema)).description(Some(what)).build();
    [
        ("X-RateLimit-Limit", one(whole(), "Requests that may be made at once; absent when there is no limit")),
        ("X-RateLimit-Remaining", one(whole(), "Requests that are left")),
        ("X-RateLimit-Reset", one(whole(), "When all are there again, in seconds since 1970")),
        ("X-RateLimit-Used", one(whole(), "Requests that were made and have not come back")),
        ("X-RateLimit-Action", one(Object::builder().schema_type(Type::String), "What is counted: `requests`")),
        ("Retry-After", one(whole(), "Seconds to wait")),
        ("WWW-Authenticate", one(Object::builder().schema_type(Type::String), "`Bearer`")),
    ]
}

fn limit_headers() -> impl Iterator<Item = (String, RefOr<Header>)> {
    LIMIT_HEADERS.into_iter().map(header_link)
}

fn header_link(name: &str) -> (String, RefOr<Header>) {
    (name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))))
}
