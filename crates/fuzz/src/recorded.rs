//! Recorded pages: every kind of answer that the simulated LinkedIn writes for a rich invented world, made anew each time.
//!
//! Equal programs record equal pages. The questions are those of the program itself, byte for byte.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use threadkeep::source::egress::Upstream;
use threadkeep::source::voyager::request::{self, QueryIds};
use threadkeep::source::voyager::{parse_me, parse_reply};
use threadkeep_core::id::{ConversationId, PersonId};
use threadkeep_core::page::{Cursor, Reply, SyncToken, Trouble};
use threadkeep_core::sync::Step;
use threadkeep_core::time::Timestamp;
use threadkeep_sim::{GenerateOptions, Mutation, Outcome, Request, Simulator, SimulatorOptions, Switches, World};

const NOW_MS: i64 = 1_790_000_000_000;
/// Pages that are followed of one list.
const PAGES_MAX: usize = 3;
/// Conversations whose messages are recorded.
const CONVERSATIONS_MAX: usize = 10;
/// Items of a page: few, so that every byte of every kind can be tried; LinkedIn sends 20.
const PAGE_ITEMS: u32 = 2;

/// What a page answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Who is it?
    Me,
    /// A step of a sync.
    Step(Step),
}

/// One page.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What it is, in words.
    pub name: String,
    /// What was asked.
    pub question: Question,
    /// What came.
    pub body: Vec<u8>,
}

impl Question {
    /// Reads a body as the answer; the reply of a step.
    pub fn read(&self, body: &[u8]) -> Result<Option<Reply>, Trouble> {
        match self {
            Self::Me => parse_me(body).map(|_| None),
            Self::Step(step) => parse_reply(step, body).map(Some),
        }
    }
}

/// Records all pages.
pub fn pages() -> Result<Vec<Recorded>> {
    let other: Switches = serde_json::from_value(json!({
        "end_of_list": "probe", "message_order": "shuffled", "brief_senders": true, "deleted_members": "placeholder",
        "subject_form": "text", "deleted_urns": "strings", "sparse_search": false, "extra_keys": false,
        "page_clamp": 5,
    }))?;
    let usual = Switches { page_clamp: Some(PAGE_ITEMS), ..Switches::default() };
    let mut all = Recorder::begin("usual", usual, NESTED)?.record()?;
    all.extend(Recorder::begin("other", other, NESTED)?.record()?);
    all.extend(Recorder::begin("large", Switches::default(), NESTED)?.few()?);
    all.extend(
        Recorder::begin("normalized", Switches { page_clamp: Some(1), ..Switches::default() }, NORMALIZED)?.few()?,
    );
    Ok(all)
}

const NESTED: &str = "application/graphql";
const NORMALIZED: &str = "application/vnd.linkedin.normalized+json+2.1";

struct Recorder {
    name: &'static str,
    simulator: Simulator,
    accept: &'static str,
    cookie: String,
    csrf: String,
    member: PersonId,
    recorded: Vec<Recorded>,
}

impl Recorder {
    fn begin(name: &'static str, switches: Switches, accept: &'static str) -> Result<Self> {
        let options = GenerateOptions { seed: 7, conversations: 24, messages_mean: 6.0, ..GenerateOptions::at(NOW_MS) };
        let mut simulator =
            Simulator::new(World::generate(&options), SimulatorOptions { switches, ..SimulatorOptions::default() });
        let login = simulator.credentials().into_iter().next().context("an account")?;
        let csrf = login.cookie.split("JSESSIONID=\"").nth(1).and_then(|rest| rest.split('"').next());
        let csrf = csrf.context("a session cookie")?.to_owned();
        let member = PersonId::parse(&login.member_urn)?;
        Ok(Self { name, simulator, accept, cookie: login.cookie, csrf, member, recorded: Vec::new() })
    }

    /// Every kind of page.
    fn record(mut self) -> Result<Vec<Recorded>> {
        let upstream = upstream()?;
        let me = request::me_url(&upstream)?;
        self.ask("me", Question::Me, &me)?;
        let start = self.step("start", Step::StartToken)?;
        for category in ["INBOX", "ARCHIVE"] {
            self.walk_list(category)?;
        }
        let (conversations, token) = shown(start.as_ref());
        for (number, conversation) in conversations.iter().take(CONVERSATIONS_MAX).enumerate() {
            self.walk_messages(number, conversation)?;
        }
        let token = token.context("a token")?;
        self.change(&json!({"verb": "random", "seed": 3, "count": 25}))?;
        self.change(&json!({"verb": "conversation_deleted", "conversation": {"index": 1}}))?;
        self.change(&json!({"verb": "message_deleted", "conversation": {"index": 0}, "message": {"index": 0}}))?;
        self.step("delta", Step::Delta { token: token.clone() })?;
        for (number, conversation) in conversations.iter().take(CONVERSATIONS_MAX).enumerate() {
            let step = Step::MessageChanges { conversation: conversation.clone(), token: token.clone() };
            self.step(&format!("message changes {number}"), step)?;
        }
        Ok(self.recorded)
    }

    /// One page of a few kinds.
    fn few(mut self) -> Result<Vec<Recorded>> {
        let me = request::me_url(&upstream()?)?;
        self.ask("me", Question::Me, &me)?;
        let usual = Self::begin(self.name, Switches::default(), NESTED)?.step("start", Step::StartToken)?;
        let (conversations, _) = shown(usual.as_ref());
        self.step("INBOX", Step::List { category: "INBOX".to_owned(), cursor: None })?;
        for conversation in conversations.into_iter().take(1) {
            let anchor = Timestamp(NOW_MS + 1);
            self.step("messages", Step::Messages { conversation, anchor, cursor: None })?;
        }
        Ok(self.recorded)
    }

    fn walk_list(&mut self, category: &str) -> Result<()> {
        let mut cursor = None;
        for page in 0..PAGES_MAX {
            let step = Step::List { category: category.to_owned(), cursor: cursor.take() };
            match self.step(&format!("{category} {page}"), step)? {
                Some(Reply::Conversations(found)) if found.next.is_some() => cursor = found.next,
                _ => break,
            }
        }
        Ok(())
    }

    fn walk_messages(&mut self, number: usize, conversation: &ConversationId) -> Result<()> {
        let mut cursor: Option<Cursor> = None;
        for page in 0..PAGES_MAX {
            let anchor = Timestamp(NOW_MS + 1);
            let step = Step::Messages { conversation: conversation.clone(), anchor, cursor: cursor.take() };
            match self.step(&format!("messages {number}.{page}"), step)? {
                Some(Reply::Messages(found)) if found.older.is_some() => cursor = found.older,
                _ => break,
            }
        }
        Ok(())
    }

    fn step(&mut self, name: &str, step: Step) -> Result<Option<Reply>> {
        let url = request::url(&upstream()?, &QueryIds::default(), &self.member, &step)?;
        self.ask(name, Question::Step(step), &url)
    }

    fn ask(&mut self, name: &str, question: Question, url: &url::Url) -> Result<Option<Reply>> {
        let target = &url[url::Position::BeforePath..];
        let request = Request::get(target)
            .header("cookie", &self.cookie)
            .header("csrf-token", &self.csrf)
            .header("accept", self.accept);
        let Outcome::Answer(answer) = self.simulator.respond(NOW_MS, &request) else { bail!("{name}: no answer") };
        anyhow::ensure!(answer.status == 200, "{name}: status {}", answer.status);
        let reply = match (question.read(&answer.body), self.accept == NESTED || question == Question::Me) {
            (Ok(reply), _) => reply,
            (Err(_), false) => None,
            (Err(trouble), true) => bail!("{name}: {trouble}"),
        };
        self.recorded.push(Recorded { name: format!("{} {name}", self.name), question, body: answer.body });
        Ok(reply)
    }

    fn change(&mut self, verb: &Value) -> Result<()> {
        let verb = Mutation::from_json(verb).map_err(|error| anyhow::anyhow!("{error}"))?;
        self.simulator.mutate(&verb, NOW_MS + 1).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(())
    }
}

fn shown(reply: Option<&Reply>) -> (Vec<ConversationId>, Option<SyncToken>) {
    match reply {
        Some(Reply::ConversationChanges(found)) => {
            (found.listed.iter().map(|one| one.conversation.id.clone()).collect(), found.token.clone())
        }
        _ => (Vec::new(), None),
    }
}

fn upstream() -> Result<Upstream> {
    Ok(Upstream::parse("https://www.linkedin.com")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_of_every_kind_and_the_same_each_time() {
        let all = pages().unwrap();
        let again = pages().unwrap();
        assert!(all.len() >= 50, "{} pages", all.len());
        assert!(all.iter().zip(&again).all(|(one, other)| one.body == other.body));
        let replies: Vec<Reply> = all.iter().filter_map(|page| page.question.read(&page.body).ok().flatten()).collect();
        let has = |wanted: fn(&Reply) -> bool| assert!(replies.iter().any(wanted));
        has(|reply| matches!(reply, Reply::ConversationChanges(one) if !one.deleted.is_empty()));
        has(|reply| matches!(reply, Reply::Conversations(one) if one.next.is_some()));
        has(|reply| matches!(reply, Reply::Messages(one) if one.older.is_some()));
        has(|reply| matches!(reply, Reply::MessageChanges(one) if !one.deleted.is_empty()));
    }
}
