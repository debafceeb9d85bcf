//! A tiny client: cookies, headers, queries, both answer forms. It parses with its own code and trusts nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use threadkeep_sim::{Answer, GenerateOptions, Mutation, Outcome, Request, Simulator, SimulatorOptions, World};

pub const NOW_MS: i64 = 1_760_000_000_000;
pub const GRAPHQL: &str = "application/graphql";
pub const NORMALIZED: &str = "application/vnd.linkedin.normalized+json+2.1";

pub const SYNC: &str = "messengerConversations.0d5e6781bbee71c3e51c8843c6519f48";
pub const CATEGORY: &str = "messengerConversations.9501074288a12f3ae9e3c7ea243bccbf";
pub const ANCHOR: &str = "messengerMessages.d8ea76885a52fd5dc5c317078ab7c977";
pub const OLDER: &str = "messengerMessages.34c9888be71c8010fecfb575cb38308f";
pub const MESSAGE_SYNC: &str = "messengerMessages.5846eeb71c981f11e0134cb6626cc314";

const PAGES_MAX: usize = 500;

pub struct Client {
    pub sim: Simulator,
    pub now_ms: i64,
    pub accept: &'static str,
    pub mailbox: String,
    pub login: String,
    pub session: String,
}

/// One page: elements, metadata.
pub struct Page {
    pub elements: Vec<Value>,
    pub metadata: Value,
}

impl Client {
    pub fn of(sim: Simulator) -> Self {
        let mut client = Self {
            sim,
            now_ms: NOW_MS,
            accept: GRAPHQL,
            mailbox: String::new(),
            login: String::new(),
            session: String::new(),
        };
        client.log_in();
        client
    }

    pub fn generated(conversations: usize, messages_mean: f64) -> Self {
        let options =
            GenerateOptions { seed: 7, conversations, messages_mean, accounts: 2, ..GenerateOptions::at(NOW_MS) };
        Self::of(Simulator::new(World::generate(&options), SimulatorOptions::default()))
    }

    pub fn from_world(world: &Value) -> Self {
        let world = World::from_json(&world.to_string(), NOW_MS).unwrap();
        Self::of(Simulator::new(world, SimulatorOptions::default()))
    }

    pub fn log_in(&mut self) {
        let credentials = self.control("GET", "/_sim/credentials", "");
        let first = &credentials.1[0];
        self.mailbox = text(&first["memberUrn"]);
        let cookie = text(&first["cookie"]);
        self.login = between(&cookie, "li_at=", ";");
        self.session = between(&cookie, "JSESSIONID=\"", "\"");
    }

    pub fn owner(&self) -> String {
        self.mailbox.rsplit(':').next().unwrap().to_owned()
    }

    pub fn request(&self, target: &str) -> Request {
        let cookie = format!("li_at={}; JSESSIONID=\"{}\"", self.login, self.session);
        Request::get(target).header("Cookie", &cookie).header("csrf-token", &self.session).header("accept", self.accept)
    }

    pub fn send(&mut self, request: &Request) -> Outcome {
        self.now_ms += 1;
        self.sim.respond(self.now_ms, request)
    }

    /// The answer to a GET; a reset is status 0.
    pub fn get(&mut self, target: &str) -> Answer {
        let request = self.request(target);
        match self.send(&request) {
            Outcome::Answer(answer) => answer,
            Outcome::Reset => Answer::default(),
        }
    }

    pub fn query(&mut self, query_id: &str, variables: &str) -> Answer {
        self.get(&target(query_id, variables))
    }

    /// The collection in the answer, whatever its form.
    pub fn page(&mut self, query_id: &str, variables: &str) -> Page {
        let answer = self.query(query_id, variables);
        assert_eq!(answer.status, 200, "{query_id} {variables}");
        page(&read(&answer))
    }

    pub fn list_variables(&self, category: &str, cursor: Option<&str>) -> String {
        let tail = cursor.map(|cursor| format!(",nextCursor:{}", encode(cursor))).unwrap_or_default();
        format!(
            "(query:(predicateUnions:List((conversationCategoryPredicate:(category:{category})))),count:20,mailboxUrn:{}{tail})",
            encode(&self.mailbox)
        )
    }

    pub fn anchor_variables(conversation: &str) -> String {
        let conversation = encode(conversation);
        format!("(deliveredAt:9999999999999,conversationUrn:{conversation},countBefore:20,countAfter:0)")
    }

    pub fn older_variables(conversation: &str, cursor: &str) -> String {
        format!("(conversationUrn:{},count:20,prevCursor:{})", encode(conversation), encode(cursor))
    }

    /// Every page of a category, following `nextCursor`.
    pub fn walk_list(&mut self, category: &str) -> Vec<Page> {
        let mut pages = Vec::new();
        let mut cursor: Option<String> = None;
        while pages.len() < PAGES_MAX {
            let variables = self.list_variables(category, cursor.as_deref());
            let page = self.page(CATEGORY, &variables);
            cursor = way_on(&page.metadata["nextCursor"]);
            pages.push(page);
            if cursor.is_none() {
                return pages;
            }
        }
        panic!("the list has no end");
    }

    /// Every page of a conversation, following `prevCursor`.
    pub fn walk_messages(&mut self, conversation: &str) -> Vec<Page> {
        let mut pages = vec![self.page(ANCHOR, &Self::anchor_variables(conversation))];
        while pages.len() < PAGES_MAX {
            let Some(cursor) = way_on(&pages[pages.len() - 1].metadata["prevCursor"]) else { return pages };
            pages.push(self.page(OLDER, &Self::older_variables(conversation, &cursor)));
        }
        panic!("the conversation has no end");
    }

    /// Conversations that changed since a token, the URNs that are gone, and the new token.
    pub fn delta(&mut self, token: &str) -> (Vec<Value>, Vec<String>, String) {
        let variables = format!("(mailboxUrn:{},syncToken:{})", encode(&self.mailbox), encode(token));
        let page = self.page(SYNC, &variables);
        (page.elements, gone(&page.metadata["deletedUrns"]), text(&page.metadata["newSyncToken"]))
    }

    pub fn start_token(&mut self) -> String {
        let variables = format!("(mailboxUrn:{})", encode(&self.mailbox));
        text(&self.page(SYNC, &variables).metadata["newSyncToken"])
    }

    pub fn mutate(&mut self, verb: Value) {
        self.now_ms += 1;
        let mutation = Mutation::from_json(&verb).unwrap();
        self.sim.mutate(&mutation, self.now_ms).unwrap();
    }

    /// A control request: status and JSON body.
    pub fn control(&mut self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let mut request = Request::post(target, body);
        method.clone_into(&mut request.method);
        let Outcome::Answer(answer) = self.send(&request) else { panic!("control never resets") };
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    pub fn set_faults(&mut self, faults: Value) {
        assert_eq!(self.control("POST", "/_sim/faults", &faults.to_string()).0, 200);
    }

    pub fn set_switches(&mut self, switches: Value) {
        let (status, body) = self.control("POST", "/_sim/switches", &switches.to_string());
        assert_eq!(status, 200, "{body}");
    }

    /// All conversations of the mailbox with their URNs, by the truth.
    pub fn conversation_urns(&self) -> Vec<String> {
        let truth = self.sim.world().truth_text(&self.owner());
        let lines = truth.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let conversations = lines.filter(|line| line["kind"] == "conversation");
        conversations.map(|line| self.conversation_urn(line["id"].as_str().unwrap())).collect()
    }

    pub fn conversation_urn(&self, thread_id: &str) -> String {
        format!("urn:li:msg_conversation:({},{thread_id})", self.mailbox)
    }
}

pub fn target(query_id: &str, variables: &str) -> String {
    format!("/voyager/api/voyagerMessagingGraphQL/graphql?queryId={query_id}&variables={variables}")
}

pub fn read(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What can be followed: neither null nor missing nor empty.
pub fn way_on(cursor: &Value) -> Option<String> {
    cursor.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Encodes everything but letters, digits and a few marks.
pub fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

pub fn page(answer: &Value) -> Page {
    let whole = resolved(answer);
    let data = whole["data"].as_object().unwrap();
    let (_, collection) = data.iter().find(|(key, _)| key.starts_with("messenger")).unwrap();
    Page { elements: collection["elements"].as_array().unwrap().clone(), metadata: collection["metadata"].clone() }
}

/// The nested form of an answer in either form.
pub fn resolved(answer: &Value) -> Value {
    let Some(included) = answer["included"].as_array() else { return answer.clone() };
    let entities: BTreeMap<&str, &Value> =
        included.iter().map(|entity| (entity["entityUrn"].as_str().unwrap(), entity)).collect();
    assert_eq!(entities.len(), included.len(), "an entity is included twice");
    json!({"data": nested(&answer["data"]["data"], &entities, 0)})
}

fn nested(value: &Value, entities: &BTreeMap<&str, &Value>, depth: usize) -> Value {
    assert!(depth < 40);
    match value {
        Value::Array(items) => items.iter().map(|item| nested(item, entities, depth + 1)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, inner)| match key.strip_prefix('*') {
                // The way back up would never end.
                Some("conversation" | "originalMessage") => (key[1..].to_owned(), json!({"entityUrn": inner})),
                Some(bare) => (bare.to_owned(), followed(inner, entities, depth + 1)),
                None => (key.clone(), nested(inner, entities, depth + 1)),
            })
            .collect(),
        other => other.clone(),
    }
}

fn followed(reference: &Value, entities: &BTreeMap<&str, &Value>, depth: usize) -> Value {
    match reference {
        Value::Array(items) => items.iter().map(|item| followed(item, entities, depth)).collect(),
        Value::String(urn) => match entities.get(urn.as_str()) {
            Some(entity) => nested(entity, entities, depth),
            None => json!({"entityUrn": urn, "dangles": true}),
        },
        _ => panic!("a reference is a URN"),
    }
}

fn gone(urns: &Value) -> Vec<String> {
    let one = |item: &Value| {
        let inner = ["conversation", "message"].iter().find_map(|key| item[key]["entityUrn"].as_str());
        item.as_str().or(inner).or(item["entityUrn"].as_str()).unwrap().to_owned()
    };
    urns.as_array().unwrap().iter().map(one).collect()
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split(after).next().unwrap().to_owned()
}
