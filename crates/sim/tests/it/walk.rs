//! Whole walks: what a client reads page by page is what the world holds, in as many requests as the pages are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::canonical::Learned;
use super::client::{Client, GRAPHQL, NORMALIZED, text};

fn truth(client: &Client) -> Vec<Value> {
    let truth = client.sim.world().truth_text(&client.owner());
    truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads everything, like a mirror would; returns what was learned and the least number of requests.
fn read_all(client: &mut Client) -> (Learned, usize) {
    let mut learned = Learned::default();
    let mut seen = BTreeSet::new();
    let mut least = 0;
    for category in ["INBOX", "ARCHIVE"] {
        let pages = client.walk_list(category);
        let items: usize = pages.iter().map(|page| page.elements.len()).sum();
        least += items.div_ceil(20).max(1);
        for conversation in pages.iter().flat_map(|page| &page.elements) {
            seen.insert(text(&conversation["entityUrn"]));
            learned.conversation(conversation);
        }
    }
    for urn in seen {
        let pages = client.walk_messages(&urn);
        let items: usize = pages.iter().map(|page| page.elements.len()).sum();
        least += items.div_ceil(20).max(1);
        pages.iter().flat_map(|page| &page.elements).for_each(|message| learned.message(message));
    }
    (learned, least)
}

#[test]
fn a_full_walk_learns_the_whole_truth_in_both_forms() {
    let mut client = Client::generated(50, 14.0);
    for accept in [GRAPHQL, NORMALIZED] {
        client.accept = accept;
        let before = client.sim.ledger().len();
        let (learned, least) = read_all(&mut client);
        assert_eq!(learned.lines(), truth(&client), "{accept}");
        assert_eq!(client.sim.ledger().len() - before, least, "a walk needs no probing page");
    }
}

#[test]
fn page_counts_are_exact_at_the_borders() {
    for items in [0_usize, 1, 19, 20, 21, 40, 41] {
        let messages: Vec<Value> =
            (0..items).map(|number| json!({"from": "olga", "text": format!("number {number}")})).collect();
        let world = json!({
            "accounts": [{"key": "ada", "name": "Ada Sample"}],
            "people": [{"key": "olga", "name": "Olga Test"}],
            "conversations": [{"with": ["olga"], "messages": messages}],
        });
        let mut client = Client::from_world(&world);
        let urns = client.conversation_urns();
        let pages = client.walk_messages(&urns[0]);
        assert_eq!(pages.len(), items.div_ceil(20).max(1), "{items} messages");
        assert_eq!(pages.iter().map(|page| page.elements.len()).sum::<usize>(), items);
    }
}

#[test]
fn changes_during_a_walk_come_with_the_delta_of_a_token_taken_before() {
    let mut client = Client::generated(30, 3.0);
    let mut token = client.start_token();
    let mut learned = Learned::default();
    let mut stale = BTreeSet::new();
    for (round, seed) in (1..=12_u64).enumerate() {
        let category = if round % 4 == 3 { "ARCHIVE" } else { "INBOX" };
        client.walk_list(category).iter().flat_map(|page| &page.elements).for_each(|conversation| {
            stale.insert(text(&conversation["entityUrn"]));
        });
        let only = [
            "message_arrives",
            "message_edited",
            "message_recalled",
            "reaction_added",
            "marked_read",
            "conversation_renamed",
            "conversation_archived",
            "member_left",
        ];
        client.mutate(json!({"verb": "random", "seed": seed, "count": 5, "only": only}));
        let (changed, gone, next) = client.delta(&token);
        assert_ne!(next, token);
        token = next;
        assert!(gone.is_empty());
        stale.extend(changed.iter().map(|conversation| text(&conversation["entityUrn"])));
    }
    let (nothing, gone, _) = client.delta(&token);
    assert!(nothing.is_empty() && gone.is_empty(), "a delta tells each change once");
    for urn in client.conversation_urns() {
        assert!(stale.contains(&urn), "never seen: {urn}");
        client.walk_messages(&urn).iter().flat_map(|page| &page.elements).for_each(|one| learned.message(one));
    }
    let messages =
        |lines: Vec<Value>| -> Vec<Value> { lines.into_iter().filter(|line| line["kind"] == "message").collect() };
    assert_eq!(messages(learned.lines()), messages(truth(&client)));
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_bytes() {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for _ in 0..2 {
        let mut client = Client::generated(12, 5.0);
        client.set_faults(json!("heavy"));
        let variables = client.list_variables("INBOX", None);
        let all = (0..60).map(|_| client.query(super::client::CATEGORY, &variables)).flat_map(|one| one.body);
        bodies.push(all.collect());
    }
    assert_eq!(bodies[0], bodies[1]);
}
