//! Plausible answers to requests that would change something (upstream protocol 7).
//!
//! Nothing is changed: the mirror must never send such a request, and the ledger tells when it did.

use serde_json::{Value, json};

use crate::chance::stable_hash;
use crate::request::{Answer, Request};
use crate::world::model::Ms;

const MESSAGES: &str = "/voyager/api/voyagerMessagingDashMessengerMessages";
const CONVERSATIONS: &str = "/voyager/api/voyagerMessagingDashMessengerConversations";

/// The answer to a writing request.
pub fn answer(request: &Request, owner: &str, now_ms: Ms) -> Answer {
    let (path, query) = (request.path(), request.query());
    if request.method == "DELETE" {
        return Answer::empty(204);
    }
    if path == MESSAGES && query.contains("action=createMessage") {
        return created(request, owner, now_ms);
    }
    if path == CONVERSATIONS && query.contains("ids=List(") {
        return Answer::json(200, json!({"results": {}, "errors": {}}).to_string().into_bytes());
    }
    if path == CONVERSATIONS && query.contains("action=typing") {
        return Answer::empty(202);
    }
    Answer::json(200, b"{\"value\":{}}".to_vec())
}

fn created(request: &Request, owner: &str, now_ms: Ms) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Answer::bare_status(400);
    };
    let message = &body["message"];
    let text = message["body"]["text"].as_str().unwrap_or_default();
    let id = format!("2-sim{:016x}", stable_hash(text).wrapping_add(now_ms.cast_unsigned()));
    let value = json!({
        "entityUrn": format!("urn:li:msg_message:(urn:li:fsd_profile:{owner},{id})"),
        "backendUrn": format!("urn:li:messagingMessage:{id}"),
        "conversationUrn": message["conversationUrn"],
        "senderUrn": format!("urn:li:msg_messagingParticipant:urn:li:fsd_profile:{owner}"),
        "originToken": message["originToken"],
        "body": {"text": text, "attributes": []},
        "deliveredAt": now_ms,
        "renderContentUnions": [],
    });
    Answer::json(200, json!({ "value": value }).to_string().into_bytes())
}
