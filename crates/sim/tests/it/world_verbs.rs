//! Verbs: what each one changes, what it leaves alone, and how it refuses.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use threadkeep_sim::world::{Applied, Entry, Format, GenerateOptions, Message, Mutation, Thread, World};

const NOW_MS: i64 = 1_760_000_000_000;
const FILE: &str = r#"{
  "accounts": [{"key": "sam", "name": "Sam Sample"}, {"key": "kim", "name": "Kim Second"}],
  "people": [{"key": "olga", "name": "Olga Test"}, {"key": "ben", "name": "Ben Probe"}],
  "conversations": [
    {"key": "chat", "with": ["olga"], "messages": [{"text": "one"}, {"from": "me", "text": "two"}, {"text": "three"}]},
    {"key": "group", "with": ["olga", "kim"], "title": "Old", "messages": [{"text": "hello"}]},
    {"key": "stored", "with": ["olga"], "categories": ["ARCHIVE"], "messages": [{"text": "old"}]}
  ]
}"#;

struct Bench {
    world: World,
}

impl Bench {
    fn new() -> Result<Self> {
        Ok(Self { world: World::from_json(FILE, NOW_MS)? })
    }

    fn act(&mut self, verb: Value) -> Result<Applied> {
        let before = self.world.changed_at_ms;
        let applied = self.world.apply(&Mutation::from_json(&verb)?, NOW_MS)?;
        assert!(applied.at_ms > before && applied.at_ms == self.world.changed_at_ms);
        Ok(applied)
    }

    /// The text of the refusal of a verb that must change nothing.
    fn refused(&mut self, verb: Value) -> Result<String> {
        let before = format!("{:?}", self.world);
        let result = Mutation::from_json(&verb).and_then(|mutation| self.world.apply(&mutation, NOW_MS));
        assert_eq!(before, format!("{:?}", self.world));
        Ok(result.err().context("a refusal")?.to_string())
    }

    fn thread(&self, key: &str) -> &Thread {
        &self.world.threads[&self.world.thread_keys[key]]
    }

    fn entry(&self, account: usize, key: &str) -> &Entry {
        &self.world.mailboxes[&self.world.accounts[account]].entries[&self.world.thread_keys[key]]
    }

    fn newest(&self, key: &str) -> Result<&Message> {
        self.thread(key).newest_message().context("a message")
    }
}

#[test]
fn an_arriving_message_moves_the_conversation() -> Result<()> {
    let mut bench = Bench::new()?;
    let applied = bench
        .act(json!({"verb": "message_arrives", "conversation": "chat", "from": "olga", "text": "new",
        "subject": "S", "content": [{"repliedMessageContent": {"message": {"index": 0}}}]}))?;
    let message = bench.newest("chat")?;
    assert_eq!((message.body.as_deref(), message.subject.as_deref()), (Some("new"), Some("S")));
    assert_eq!(Some(&message.id), applied.message.as_ref());
    assert_eq!(message.delivered_at_ms, applied.at_ms);
    assert_eq!(bench.thread("chat").last_activity_at_ms, applied.at_ms);
    let entry = bench.entry(0, "chat");
    assert_eq!((entry.read, entry.unread_count, entry.changed_at_ms), (false, 1, applied.at_ms));
    bench.act(json!({"verb": "message_arrives", "conversation": {"index": 0}, "from": "me", "text": "mine"}))?;
    let entry = bench.entry(0, "chat");
    assert_eq!((entry.read, entry.unread_count), (true, 0));
    let late = bench.act(json!({"verb": "message_arrives", "conversation": "chat", "at": 1_600_000_000_001_i64}))?;
    assert_eq!(
        bench.thread("chat").messages.iter().position(|message| Some(&message.id) == late.message.as_ref()),
        Some(1)
    );
    assert!(bench.thread("chat").last_activity_at_ms < late.at_ms);
    Ok(())
}

#[test]
fn an_arriving_message_brings_conversations_back() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.act(json!({"verb": "conversation_deleted", "conversation": "chat"}))?;
    assert!(bench.entry(0, "chat").deleted_at_ms.is_some());
    assert!(!bench.world.truth_text(&bench.world.accounts[0]).contains("\"three\""));
    for key in ["chat", "stored"] {
        bench.act(json!({"verb": "message_arrives", "conversation": key}))?;
        assert!(bench.entry(0, key).is_in(&["INBOX"]) && !bench.entry(0, key).is_in(&["ARCHIVE"]));
    }
    bench.act(json!({"verb": "conversation_moved", "conversation": "chat", "to": "SPAM"}))?;
    bench.act(json!({"verb": "message_arrives", "conversation": "chat"}))?;
    assert!(bench.entry(0, "chat").is_in(&["SPAM"]) && !bench.entry(0, "chat").is_in(&["INBOX"]));
    Ok(())
}

#[test]
fn a_new_conversation_starts_in_every_mailbox_that_takes_part() -> Result<()> {
    let mut bench = Bench::new()?;
    let applied =
        bench.act(json!({"verb": "message_arrives", "with": ["kim", "ben"], "title": "New", "from": "ben"}))?;
    let id = applied.conversation.context("a conversation")?;
    let thread = bench.world.thread(&id).context("a thread")?;
    assert_eq!((thread.group, thread.title.as_deref(), thread.messages.len()), (true, Some("New"), 1));
    for owner in bench.world.owners() {
        let entry = bench.world.entry(owner, &id).context("an entry")?;
        assert_eq!((entry.unread_count, entry.changed_at_ms), (1, applied.at_ms));
    }
    let alone = bench.act(json!({"verb": "message_arrives", "with": [], "text": "note"}))?;
    let thread = bench.world.thread(&alone.conversation.context("a conversation")?).context("a thread")?;
    assert_eq!((thread.participants.len(), thread.group), (1, false));
    Ok(())
}

#[test]
fn messages_are_edited_recalled_and_removed() -> Result<()> {
    let mut bench = Bench::new()?;
    let activity_ms = bench.thread("chat").last_activity_at_ms;
    let edited =
        bench.act(json!({"verb": "message_edited", "conversation": "chat", "message": {"index": 0}, "text": "x"}))?;
    let message = bench.newest("chat")?;
    assert_eq!((message.body.as_deref(), &message.format), (Some("x"), &Format::Edited));
    assert_eq!((message.changed_at_ms, bench.entry(0, "chat").changed_at_ms), (edited.at_ms, edited.at_ms));
    bench.act(json!({"verb": "reaction_added", "conversation": "chat", "message": {"index": 0}, "emoji": "👍"}))?;
    bench.act(json!({"verb": "message_recalled", "conversation": "chat", "message": {"index": 0}}))?;
    let message = bench.newest("chat")?;
    assert_eq!((message.body.as_deref(), &message.format), (Some(""), &Format::Recalled));
    assert!(message.content.is_empty() && message.reactions.is_empty());
    let again = json!({"verb": "message_recalled", "conversation": "chat", "message": {"index": 0}});
    assert!(bench.refused(again)?.contains("not recalled"));
    let id = bench.newest("chat")?.id.clone();
    bench.act(json!({"verb": "message_deleted", "conversation": "chat", "message": id}))?;
    assert_eq!(bench.thread("chat").visible_messages().count(), 2);
    assert_eq!(bench.thread("chat").last_activity_at_ms, activity_ms);
    let gone = json!({"verb": "message_edited", "conversation": "chat", "message": id, "text": "x"});
    assert!(bench.refused(gone)?.contains("no such message"));
    Ok(())
}

#[test]
fn reactions_come_and_go() -> Result<()> {
    let mut bench = Bench::new()?;
    let react = |verb: &str, by: Value| json!({"verb": verb, "conversation": "chat", "message": {"index": 0}, "emoji": "👍", "by": by});
    let first = bench.act(react("reaction_added", json!("olga")))?;
    bench.act(react("reaction_added", json!("me")))?;
    let reaction = bench.newest("chat")?.reactions.first().context("a reaction")?.clone();
    assert_eq!((reaction.people.len(), reaction.first_reacted_at_ms), (2, first.at_ms));
    assert!(bench.refused(react("reaction_added", json!("me")))?.contains("already"));
    bench.act(react("reaction_removed", Value::Null))?;
    bench.act(react("reaction_removed", json!("me")))?;
    assert!(bench.newest("chat")?.reactions.is_empty());
    assert!(bench.refused(react("reaction_removed", Value::Null))?.contains("no such reaction"));
    Ok(())
}

#[test]
fn groups_are_renamed_joined_and_left() -> Result<()> {
    let mut bench = Bench::new()?;
    let renamed = bench.act(json!({"verb": "conversation_renamed", "conversation": "group", "title": "New"}))?;
    assert_eq!(bench.thread("group").title.as_deref(), Some("New"));
    assert_eq!(bench.newest("group")?.format, Format::System);
    for account in [0, 1] {
        let entry = bench.entry(account, "group");
        assert_eq!((entry.changed_at_ms, entry.unread_count), (renamed.at_ms, 0));
    }
    bench.act(json!({"verb": "member_joined", "conversation": "group", "person": "ben"}))?;
    assert_eq!(bench.thread("group").participants.len(), 4);
    bench.act(json!({"verb": "member_left", "conversation": "group", "person": "olga"}))?;
    let olga = &bench.world.person_keys["olga"];
    assert!(!bench.thread("group").participants.contains(olga));
    assert!(bench.thread("group").messages.iter().any(|message| message.sender == *olga));
    let single = json!({"verb": "conversation_renamed", "conversation": "chat", "title": "x"});
    assert!(bench.refused(single)?.contains("no group"));
    let twice = json!({"verb": "member_joined", "conversation": "group", "person": "ben"});
    assert!(bench.refused(twice)?.contains("already"));
    Ok(())
}

#[test]
fn one_mailbox_files_without_the_other() -> Result<()> {
    let mut bench = Bench::new()?;
    let other = bench.entry(1, "group").changed_at_ms;
    let group = |verb: &str| json!({"verb": verb, "conversation": "group"});
    bench.act(group("marked_unread"))?;
    assert_eq!((bench.entry(0, "group").read, bench.entry(0, "group").unread_count), (false, 0));
    let read = bench.act(group("marked_read"))?;
    assert_eq!(bench.entry(0, "group").last_read_at_ms, Some(read.at_ms));
    bench.act(group("conversation_muted"))?;
    assert!(bench.entry(0, "group").muted);
    bench.act(group("conversation_unmuted"))?;
    bench.act(group("conversation_archived"))?;
    assert_eq!(bench.entry(0, "group").categories, ["ARCHIVE"]);
    assert!(bench.refused(group("conversation_archived"))?.contains("already"));
    bench.act(group("conversation_restored"))?;
    assert_eq!(bench.entry(0, "group").categories, ["INBOX", "PRIMARY_INBOX"]);
    bench.act(group("conversation_deleted"))?;
    assert!(bench.refused(group("marked_read"))?.contains("deleted"));
    assert_eq!(bench.entry(1, "group").changed_at_ms, other);
    bench.act(json!({"verb": "conversation_archived", "account": "kim", "conversation": "group"}))?;
    assert!(bench.entry(1, "group").is_in(&["ARCHIVE"]));
    Ok(())
}

#[test]
fn a_poisoned_conversation_is_healed() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.act(json!({"verb": "conversation_poisoned", "conversation": "chat", "reason": "why"}))?;
    assert_eq!(bench.thread("chat").poison.as_deref(), Some("why"));
    bench.act(json!({"verb": "conversation_healed", "conversation": "chat"}))?;
    assert_eq!(bench.thread("chat").poison, None);
    Ok(())
}

#[test]
fn an_earlier_state_is_remembered() -> Result<()> {
    let mut bench = Bench::new()?;
    let id = bench.world.thread_keys["chat"].clone();
    let start_ms = bench.world.changed_at_ms;
    assert!(bench.world.thread_before(&id, 0).is_none());
    let first = bench.act(json!({"verb": "message_arrives", "conversation": "chat"}))?;
    bench.act(json!({"verb": "message_recalled", "conversation": "chat", "message": {"index": 0}}))?;
    let sizes = |since_ms| bench.world.thread_before(&id, since_ms).map(|before| before.thread.messages.len());
    assert_eq!(sizes(start_ms), Some(3));
    assert_eq!(sizes(first.at_ms), Some(4));
    assert_eq!(sizes(bench.world.changed_at_ms), None);
    Ok(())
}

#[test]
fn what_is_no_verb_is_refused() -> Result<()> {
    let mut bench = Bench::new()?;
    let cases = [
        (json!(1), "not a verb"),
        (json!({"verb": "explode"}), "explode"),
        (json!({"verb": "marked_read"}), "conversation"),
        (json!({"verb": "marked_read", "conversation": "chat", "colour": 1}), "colour"),
        (json!({"verb": "marked_read", "conversation": 3}), "index"),
        (json!({"verb": "marked_read", "conversation": {"index": 99}}), "no such conversation"),
        (json!({"verb": "marked_read", "conversation": "2-none"}), "no such conversation"),
        (json!({"verb": "marked_read", "account": "nobody", "conversation": "chat"}), "no account"),
        (json!({"verb": "message_arrives", "text": "x"}), "either"),
        (json!({"verb": "message_arrives", "conversation": "chat", "form": "x"}), "form"),
        (json!({"verb": "message_arrives", "conversation": "chat", "from": "nobody"}), "nobody"),
        (json!({"verb": "message_arrives", "conversation": "chat", "at": NOW_MS + 10}), "future"),
        (json!({"verb": "message_arrives", "with": ["nobody"]}), "with[0]"),
        (
            json!({"verb": "message_arrives", "conversation": "chat", "content": [{"file": {"x": 1}}]}),
            "content[0].file.x",
        ),
        (json!({"verb": "random", "seed": 1, "count": 1, "only": ["x"]}), "only"),
    ];
    for (verb, part) in cases {
        let error = bench.refused(verb)?;
        assert!(error.contains(part), "{part} is not in {error:?}");
    }
    Ok(())
}

#[test]
fn random_changes_depend_on_the_seed_alone_and_keep_the_rules() -> Result<()> {
    let options = GenerateOptions { conversations: 30, messages_mean: 8.0, ..GenerateOptions::at(NOW_MS) };
    let run = |seed: u64| -> Result<(World, Applied)> {
        let mut world = World::generate(&options);
        let verb = json!({"verb": "random", "seed": seed, "count": 400});
        let applied = world.apply(&Mutation::from_json(&verb)?, NOW_MS)?;
        Ok((world, applied))
    };
    let (world, applied) = run(5)?;
    assert_eq!(applied.changes.len(), 400);
    assert!(applied.changes.is_sorted_by(|a, b| a.at_ms < b.at_ms));
    assert_eq!(applied, run(5)?.1);
    assert_ne!(applied, run(6)?.1);
    let kinds: std::collections::BTreeSet<_> = applied.changes.iter().map(|change| change.verb).collect();
    assert!(kinds.len() >= 17, "{kinds:?}");
    for thread in world.threads.values() {
        assert!(thread.messages.is_sorted_by_key(|message| (message.delivered_at_ms, &message.id)));
        let newest = thread.newest_message().map_or(thread.created_at_ms, |message| message.delivered_at_ms);
        assert!(thread.last_activity_at_ms >= newest);
    }
    for entry in world.mailboxes.values().flat_map(|mailbox| mailbox.entries.values()) {
        assert!(entry.changed_at_ms <= world.changed_at_ms);
        assert!(!entry.read || entry.unread_count == 0);
    }
    let mut empty = World::from_json("{}", NOW_MS)?;
    let none = empty.apply(&Mutation::from_json(&json!({"verb": "random", "seed": 1, "count": 3}))?, NOW_MS)?;
    assert_eq!(none.changes.len(), 0);
    Ok(())
}
