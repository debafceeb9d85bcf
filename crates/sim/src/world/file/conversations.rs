//! The conversations and messages of a world file.
//!
//! Times that are left out follow from places in the file, never from the clock, so that ids stay the same.

use serde_json::Value;

use super::super::generate::messages::{Scene, messages, times};
use super::super::generate::plan::Theme;
use super::super::id::{Stem, bare, rng_of};
use super::super::model::{Entry, Format, Message, Ms, PersonId, Thread, ThreadId};
use super::super::parts::{Known, Quoted, attributes, contents, people, person, reactions};
use super::super::reading::{FieldError, Fields, Problem, expected};
use super::{Loader, is_id};

/// The first conversation without times starts here (13 September 2020), each next one an hour later.
const DEFAULT_START_MS: Ms = 1_600_000_000_000;
const DEFAULT_STEP_MS: Ms = 3_600_000;
/// A message without a time comes this long after the one before it in the file.
const MESSAGE_STEP_MS: Ms = 60_000;
const MOST_GENERATED_MESSAGES: usize = 5_000_000;

/// How a mailbox files a conversation, as far as the file says.
#[derive(Debug, Clone, Default)]
struct Filing {
    categories: Option<Vec<String>>,
    state: Option<String>,
    read: Option<bool>,
    unread_count: Option<u32>,
    last_read_at_ms: Option<Ms>,
    muted: Option<bool>,
}

impl Loader {
    pub(super) fn conversation(&mut self, value: &Value, index: usize) -> Result<(), FieldError> {
        let mut fields = Fields::new(value, &format!("conversations[{index}]"))?;
        let owner = self.account(&mut fields)?;
        let id = self.thread_id(&mut fields, index)?;
        let filing = Filing::read(&mut fields, self.now_ms)?;
        let participants = self.participants(&mut fields, &owner)?;
        let others: Vec<&PersonId> = participants.iter().filter(|person| **person != owner).collect();
        let group = fields.flag("group")?.unwrap_or(others.len() > 1);
        let creator = person(&mut fields, "creator", &self.world, &owner)?.or_else(|| others.first().copied().cloned());
        let created_at_ms = fields.time("createdAt", self.now_ms)?;
        let label = fields.filled("label")?;
        let sponsored = fields.flag("sponsored")?.unwrap_or(false);
        let title = fields.filled("title")?;
        let poison = match fields.some("poison") {
            Some(Value::Bool(poisoned)) => poisoned.then(|| "poisoned".to_owned()),
            _ => fields.filled("poison")?,
        };
        let start_ms = created_at_ms.unwrap_or(DEFAULT_START_MS + index as Ms * DEFAULT_STEP_MS);
        let place = Place { owner: &owner, id: &id, participants: &participants, start_ms };
        let messages = self.all_messages(&mut fields, &place)?;
        let mailboxes = fields.some("mailboxes");
        let path = fields.at("mailboxes");
        fields.finish()?;
        let oldest_ms = messages.first().map(|message| message.delivered_at_ms);
        let newest_ms = messages.last().map(|message| message.delivered_at_ms);
        let created_at_ms = created_at_ms.or(oldest_ms).unwrap_or(start_ms);
        if created_at_ms > self.now_ms {
            return Err(FieldError { path: format!("conversations[{index}].createdAt"), problem: Problem::Future });
        }
        let thread = Thread {
            id,
            group,
            title,
            participants,
            creator,
            created_at_ms,
            last_activity_at_ms: newest_ms.unwrap_or(created_at_ms),
            label,
            sponsored,
            messages,
            poison,
        };
        self.file(thread, &owner, &filing, mailboxes, &path)
    }

    fn account(&self, fields: &mut Fields) -> Result<PersonId, FieldError> {
        let Some(name) = fields.text("account")? else {
            return Ok(self.world.accounts.first().cloned().unwrap_or_default());
        };
        let id = self.world.find_person("", &name).filter(|id| self.world.mailboxes.contains_key(id));
        id.ok_or_else(|| expected(&fields.at("account"), "the key or id of one of the accounts"))
    }

    fn thread_id(&mut self, fields: &mut Fields, index: usize) -> Result<ThreadId, FieldError> {
        let key = fields.filled("key")?;
        let id = match fields.filled("id")? {
            Some(id) if is_id(bare(&id)) => bare(&id).to_owned(),
            Some(_) => return Err(expected(&fields.at("id"), "a thread id such as 2-MGYw")),
            None => {
                let handle = key.clone().unwrap_or_else(|| format!("#{index}"));
                Stem::random(&mut rng_of(&["thread", &handle])).thread_id()
            }
        };
        if self.world.threads.contains_key(&id) {
            return Err(fields.fail("id", Problem::Duplicate { what: id }));
        }
        if let Some(key) = key
            && self.world.thread_keys.insert(key.clone(), id.clone()).is_some()
        {
            return Err(fields.fail("key", Problem::Duplicate { what: key }));
        }
        Ok(id)
    }

    /// `with` names the others, `participants` names everybody.
    fn participants(&self, fields: &mut Fields, owner: &PersonId) -> Result<Vec<PersonId>, FieldError> {
        let with = fields.texts("with")?;
        let participants = fields.texts("participants")?;
        match (with, participants) {
            (Some(_), Some(_)) => Err(fields.fail("with", Problem::Exclusive { other: "participants" })),
            (None, Some(names)) => people(&names, &fields.at("participants"), &self.world, owner),
            (with, None) => {
                let names = with.unwrap_or_default();
                let mut all = people(&names, &fields.at("with"), &self.world, owner)?;
                all.retain(|person| person != owner);
                all.push(owner.clone());
                Ok(all)
            }
        }
    }

    fn all_messages(&mut self, fields: &mut Fields, place: &Place) -> Result<Vec<Message>, FieldError> {
        let generate = fields.some("generate");
        let list = fields.list("messages")?;
        if let Some(generate) = generate {
            if list.is_some() {
                return Err(fields.fail("generate", Problem::Exclusive { other: "messages" }));
            }
            return self.generated(generate, &fields.at("generate"), place);
        }
        let mut all: Vec<Message> = Vec::new();
        let path = fields.at("messages");
        for (number, item) in list.unwrap_or_default().iter().enumerate() {
            let message = self.message(item, &format!("{path}[{number}]"), place, &all)?;
            if !self.message_ids.insert(message.id.clone()) {
                let path = format!("{path}[{number}].id");
                return Err(FieldError { path, problem: Problem::Duplicate { what: message.id } });
            }
            all.push(message);
        }
        all.sort_by(|a, b| (a.delivered_at_ms, &a.id).cmp(&(b.delivered_at_ms, &b.id)));
        Ok(all)
    }

    fn generated(&self, value: &Value, path: &str, place: &Place) -> Result<Vec<Message>, FieldError> {
        let mut fields = Fields::new(value, path)?;
        let count = fields.number("messages")?.unwrap_or(0) as usize;
        let seed = fields.number("seed")?.unwrap_or(0).to_string();
        let newest_ms = fields.time("newestAt", self.now_ms)?;
        if count > MOST_GENERATED_MESSAGES {
            return Err(fields.fail("messages", Problem::TooMany { most: MOST_GENERATED_MESSAGES }));
        }
        fields.finish()?;
        let mut rng = rng_of(&["messages", place.id, &seed]);
        let newest_ms = newest_ms.unwrap_or(place.start_ms + count as Ms * MESSAGE_STEP_MS).min(self.now_ms);
        let times = times(&mut rng, count, newest_ms, Theme::Everyday);
        let stem = Stem::of_thread(place.id);
        let scene = Scene {
            world: &self.world,
            stem: &stem,
            owner: place.owner,
            present: place.participants,
            former: &[],
            now_ms: self.now_ms,
        };
        Ok(messages(&scene, &mut rng, &times, Theme::Everyday))
    }

    fn message(&self, item: &Value, path: &str, place: &Place, before: &[Message]) -> Result<Message, FieldError> {
        let mut fields = Fields::new(item, path)?;
        let owner = place.owner;
        let at_ms = match fields.time("at", self.now_ms)? {
            Some(at_ms) => at_ms,
            None => before.last().map_or(place.start_ms, |last| last.delivered_at_ms + MESSAGE_STEP_MS),
        };
        if at_ms > self.now_ms {
            return Err(fields.fail("at", Problem::Future));
        }
        let sender = person(&mut fields, "from", &self.world, owner)?.unwrap_or_else(|| place.other());
        let id = match fields.filled("id")? {
            Some(id) if is_id(bare(&id)) => bare(&id).to_owned(),
            Some(_) => return Err(expected(&fields.at("id"), "a message id such as 2-MTcw")),
            None => Stem::of_thread(place.id).message_id(at_ms, before.len()),
        };
        let quoted = |value: &Value| match value {
            Value::String(id) => before.iter().find(|message| message.id == bare(id)).map(Quoted::of),
            _ => before.get(usize::try_from(value.as_u64()?).ok()?).map(Quoted::of),
        };
        let known = Known { world: &self.world, owner, sender: &sender, at_ms, message_id: &id, quoted: &quoted };
        let mut message = Message::plain(id.clone(), sender.clone(), at_ms, String::new());
        match fields.raw("text") {
            Some(Value::Null) => message.body = None,
            _ => message.body = Some(fields.text("text")?.unwrap_or_default()),
        }
        message.content = contents(fields.list("content")?.unwrap_or_default(), &fields.at("content"), &known)?;
        let spans = fields.list("attributes")?.unwrap_or_default();
        message.attributes = attributes(spans, &fields.at("attributes"), &known)?;
        let list = fields.list("reactions")?.unwrap_or_default();
        message.reactions = reactions(list, &fields.at("reactions"), &known, self.now_ms)?;
        message.format = fields.filled("format")?.map_or(Format::Default, |word| Format::from_word(&word));
        message.subject = fields.filled("subject")?;
        message.actor = person(&mut fields, "actor", &self.world, owner)?;
        message.fallback_text = fields.filled("fallbackText")?;
        message.hides_delivered_at = fields.flag("hidesDeliveredAt")?.unwrap_or(false);
        let reacted = message.reactions.iter().map(|reaction| reaction.first_reacted_at_ms);
        message.changed_at_ms = reacted.fold(at_ms, Ms::max);
        fields.finish()?;
        Ok(message)
    }

    /// Puts a conversation into the mailbox of its account, and of every participant who has one.
    fn file(
        &mut self,
        thread: Thread,
        owner: &PersonId,
        filing: &Filing,
        mailboxes: Option<&Value>,
        path: &str,
    ) -> Result<(), FieldError> {
        let overrides = self.overrides(mailboxes, path, &thread)?;
        for account in self.world.accounts.clone() {
            let given = overrides.iter().find(|(id, _)| *id == account).map(|(_, filing)| filing);
            if account != *owner && given.is_none() && !thread.participants.contains(&account) {
                continue;
            }
            let filing = given.unwrap_or(filing);
            let entry = filing.entry(&thread, &account);
            if let Some(mailbox) = self.world.mailboxes.get_mut(&account) {
                mailbox.entries.insert(thread.id.clone(), entry);
            }
        }
        self.world.threads.insert(thread.id.clone(), thread);
        Ok(())
    }

    fn overrides(
        &self,
        mailboxes: Option<&Value>,
        path: &str,
        thread: &Thread,
    ) -> Result<Vec<(PersonId, Filing)>, FieldError> {
        let Some(mailboxes) = mailboxes else { return Ok(Vec::new()) };
        let map = mailboxes.as_object().ok_or_else(|| expected(path, "an object with account keys"))?;
        let mut all = Vec::new();
        for (name, value) in map {
            let path = format!("{path}.{name}");
            let id = self.world.find_person("", name).filter(|id| thread.participants.contains(id));
            let id = id.filter(|id| self.world.mailboxes.contains_key(id));
            let id = id.ok_or_else(|| expected(&path, "the key of an account that takes part"))?;
            let mut fields = Fields::new(value, &path)?;
            all.push((id, Filing::read(&mut fields, self.now_ms)?));
            fields.finish()?;
        }
        Ok(all)
    }
}

/// The conversation that a message is in.
struct Place<'a> {
    owner: &'a str,
    id: &'a str,
    participants: &'a [PersonId],
    start_ms: Ms,
}

impl Place<'_> {
    /// Who writes when nobody is named.
    fn other(&self) -> PersonId {
        let other = self.participants.iter().find(|person| *person != self.owner);
        other.cloned().unwrap_or_else(|| self.owner.to_owned())
    }
}

impl Filing {
    fn read(fields: &mut Fields, now_ms: Ms) -> Result<Self, FieldError> {
        let state = fields.filled("state")?;
        if state.as_deref().is_some_and(|state| !["PENDING", "ACCEPTED", "DECLINED"].contains(&state)) {
            return Err(expected(&fields.at("state"), "PENDING, ACCEPTED or DECLINED"));
        }
        let categories = fields.texts("categories")?;
        let mut seen = Vec::new();
        for category in categories.iter().flatten() {
            if seen.contains(&category) {
                let what = category.clone();
                return Err(fields.fail("categories", Problem::Duplicate { what }));
            }
            seen.push(category);
        }
        Ok(Self {
            state,
            read: fields.flag("read")?,
            unread_count: fields.small("unreadCount")?,
            last_read_at_ms: fields.time("lastReadAt", now_ms)?,
            muted: fields.flag("muted")?,
            categories,
        })
    }

    /// Read unless something is said to be unread.
    fn entry(&self, thread: &Thread, owner: &str) -> Entry {
        let read = self.read.unwrap_or(self.unread_count.unwrap_or(0) == 0);
        let some = thread.messages.iter().any(|message| message.sender != owner);
        let unread_count = self.unread_count.unwrap_or(u32::from(!read && some));
        let seen_ms = (unread_count == 0).then_some(thread.last_activity_at_ms);
        let last_read_at_ms = self.last_read_at_ms.or(seen_ms);
        let messages = thread.messages.iter().map(|message| message.changed_at_ms);
        let changed_at_ms = messages.chain(last_read_at_ms).fold(thread.created_at_ms, Ms::max);
        let default = || vec!["INBOX".to_owned(), "PRIMARY_INBOX".to_owned()];
        Entry {
            categories: self.categories.clone().unwrap_or_else(default),
            state: self.state.clone(),
            read,
            unread_count,
            last_read_at_ms,
            muted: self.muted.unwrap_or(false),
            changed_at_ms,
            deleted_at_ms: None,
        }
    }
}
