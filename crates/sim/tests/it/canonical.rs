//! Turns what came over the wire into lines of the canonical export (docs/EXPORT.md), independently of the world.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// What a client has learned.
#[derive(Default)]
pub struct Learned {
    conversations: BTreeMap<String, Value>,
    messages: BTreeMap<(String, i64, String), Value>,
    people: BTreeMap<String, Value>,
    seen: BTreeSet<String>,
}

impl Learned {
    pub fn conversation(&mut self, wire: &Value) {
        let id = wire["backendUrn"].as_str().unwrap().strip_prefix("urn:li:messagingThread:").unwrap().to_owned();
        let people: Vec<&Value> = wire["conversationParticipants"].as_array().unwrap().iter().collect();
        let mut participants: Vec<String> = people.iter().map(|person| self.person(person)).collect();
        participants.sort();
        let mut categories = wire["categories"].as_array().unwrap().clone();
        categories.sort_by_key(|category| category.as_str().unwrap().to_owned());
        let line = json!({
            "kind": "conversation", "id": id, "categories": categories, "participants": participants,
            "createdAt": wire["createdAt"], "lastActivityAt": wire["lastActivityAt"],
            "lastReadAt": wire["lastReadAt"], "group": wire["groupChat"], "read": wire["read"],
            "unreadCount": wire["unreadCount"], "label": wire["conversationTypeText"]["text"],
            "muted": wire["notificationStatus"] != "ACTIVE", "state": wire["state"], "title": wire["title"],
            "sponsored": !wire["contentMetadata"]["conversationAdContent"].is_null(),
        });
        self.conversations.insert(id, line);
    }

    pub fn message(&mut self, wire: &Value) {
        let id = wire["backendUrn"].as_str().unwrap().strip_prefix("urn:li:messagingMessage:").unwrap().to_owned();
        let thread = wire["backendConversationUrn"].as_str().unwrap();
        let thread = thread.strip_prefix("urn:li:messagingThread:").unwrap().to_owned();
        let at = wire["deliveredAt"].as_i64().or(wire["createdAt"].as_i64()).unwrap();
        let sender = self.person(&wire["sender"]);
        let content: Vec<Value> = wire["renderContent"].as_array().unwrap().iter().filter_map(content).collect();
        let mut attributes: Vec<Value> =
            wire["body"]["attributes"].as_array().into_iter().flatten().map(attribute).collect();
        attributes.sort_by_key(|one| {
            (one["start"].as_u64(), one["length"].as_u64(), one["kind"].as_str().unwrap().to_owned())
        });
        let mut reactions: Vec<Value> = wire["reactionSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                json!({"count": one["count"], "emoji": one["emoji"], "firstReactedAt": one["firstReactedAt"],
                       "viewerReacted": one["viewerReacted"]})
            })
            .collect();
        reactions.sort_by_key(|one| one["emoji"].as_str().unwrap().to_owned());
        let subject = wire["subject"].as_str().map_or(wire["subject"]["text"].clone(), |text| json!(text));
        let line = json!({
            "kind": "message", "id": id, "conversation": thread, "deliveredAt": at, "sender": sender,
            "body": wire["body"]["text"].as_str().unwrap_or_default(), "attributes": attributes,
            "content": content, "format": wire["messageBodyRenderFormat"], "reactions": reactions,
            "subject": subject,
        });
        self.messages.insert((thread, at, id), line);
    }

    /// The truth in this client's words, in the order of the export.
    pub fn lines(&self) -> Vec<Value> {
        let people = self.people.values().filter(|person| self.seen.contains(person["id"].as_str().unwrap()));
        self.conversations.values().chain(self.messages.values()).chain(people).cloned().collect()
    }

    fn person(&mut self, wire: &Value) -> String {
        let urn = wire["entityUrn"].as_str().unwrap();
        let host = urn.strip_prefix("urn:li:msg_messagingParticipant:urn:li:").unwrap();
        let id = host.strip_prefix("fsd_profile:").unwrap_or(host).to_owned();
        self.seen.insert(id.clone());
        let kind = ["member", "organization", "custom", "agent"]
            .into_iter()
            .find(|kind| !wire["participantType"][kind].is_null());
        let info = kind.map_or(&Value::Null, |kind| &wire["participantType"][kind]);
        let words = ["firstName", "lastName", "name"].map(|key| info[key]["text"].as_str().unwrap_or_default());
        let name = words.join(" ").trim().to_owned();
        let name = if name == "LinkedIn Member" { String::new() } else { name };
        let headline = info["headline"]["text"].as_str().or(info["tagline"]["text"].as_str());
        // A reference that leads nowhere still names a member.
        let dangles = wire["dangles"] == true;
        let kind = if dangles { Some("member") } else { kind };
        if let Some(kind) = kind {
            let line = json!({"kind": "person", "id": id, "name": name, "headline": headline, "type": kind});
            self.people.insert(id.clone(), line);
        }
        id
    }
}

fn person_id(urn: &Value) -> String {
    let host = urn.as_str().unwrap().strip_prefix("urn:li:msg_messagingParticipant:").unwrap_or(urn.as_str().unwrap());
    let bare = host.strip_prefix("urn:li:").unwrap();
    bare.strip_prefix("fsd_profile:").unwrap_or(bare).to_owned()
}

fn attribute(wire: &Value) -> Value {
    let union = wire["attributeKind"].as_object().unwrap();
    let (kind, value) = union
        .iter()
        .find(|(key, value)| {
            value.is_object() && !key.starts_with('_') && !key.starts_with('$') && *key != "renderHints"
        })
        .unwrap();
    let (kind, target) = match kind.as_str() {
        "entity" => ("mention", json!(person_id(&value["urn"]))),
        "hyperlink" => ("hyperlink", value["url"].clone()),
        "list" => ("list", json!(if value["ordered"] == true { "ordered" } else { "unordered" })),
        other => (other, Value::Null),
    };
    json!({"kind": kind, "start": wire["start"], "length": wire["length"], "target": target})
}

fn content(wire: &Value) -> Option<Value> {
    const NOT_MEMBERS: [&str; 7] =
        ["_type", "_recipeType", "$type", "$recipeTypes", "lixTreatment", "renderHints", "viewerTrackingScope"];
    let members = wire.as_object().unwrap();
    let mut found = members.iter().filter(|(key, value)| !value.is_null() && !NOT_MEMBERS.contains(&key.as_str()));
    let (key, value) = found.next()?;
    assert!(found.next().is_none(), "two members of a union");
    Some(match key.as_str() {
        "vectorImage" => json!({"kind": "image", "asset": value["digitalmediaAsset"]}),
        "file" => json!({"kind": "file", "asset": value["assetUrn"], "byteSize": value["byteSize"],
                         "mediaType": value["mediaType"], "name": value["name"]}),
        "video" => json!({"kind": "video", "asset": value["media"], "durationMs": value["duration"]}),
        "audio" => json!({"kind": "audio", "durationMs": value["duration"]}),
        "externalMedia" => json!({"kind": "external", "title": value["title"], "url": value["media"]["url"],
            "width": value["media"]["originalWidth"], "height": value["media"]["originalHeight"]}),
        "forwardedMessageContent" => json!({"kind": "forwarded", "body": value["forwardedBody"]["text"],
            "sender": person_id(&value["originalSender"]["entityUrn"]), "sentAt": value["originalSendAt"]}),
        "repliedMessageContent" => {
            let urn = value["originalMessage"]["entityUrn"].as_str().unwrap();
            let message = urn.split_once(',').unwrap().1.trim_end_matches(')');
            json!({"kind": "reply", "body": value["messageBody"]["text"], "message": message,
                   "sender": person_id(&value["originalSender"]["entityUrn"]), "sentAt": value["originalSendAt"]})
        }
        "hostUrnData" => json!({"kind": "hostUrn", "type": value["type"], "urn": value["hostUrn"]}),
        "awayMessage" => json!({"kind": "away", "text": value["text"]}),
        "conversationAdsMessageContent" => json!({"kind": "ad", "urn": value["sponsoredMessageContentUrn"]}),
        "messageAdRenderContent" => json!({"kind": "ad", "urn": value["sponsoredCampaignUrn"]}),
        "videoMeeting" => json!({"kind": "meeting"}),
        "unavailableContent" => json!({"kind": "unavailable"}),
        "callMessageContent" => json!({"kind": "call"}),
        other => json!({"kind": "unknown", "key": other}),
    })
}
