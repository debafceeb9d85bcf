//! The simulated network: hands a request to the simulated LinkedIn and gives back what a client would see of its answer.
//!
//! Broken connections, slow and endless bodies become what the HTTP client would make of them. Others may act while a
//! request is on its way, and while its answer is.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use threadkeep::source::egress::{Answer, EgressFault};
use threadkeep::source::simulated::{Question, Transport};
use threadkeep_sim::{Listener, Outcome, Pace, Purpose, Request};

use crate::plan::Place;
use crate::seam::{Fate, interlude, kill};
use crate::stage::{Stage, Who};

/// Where the simulated LinkedIn is.
pub const SITE_PLACE: &str = "http://127.0.0.1:9";
/// Where its file hosts are.
pub const MEDIA_PLACE: &str = "http://127.0.0.1:10";
const MEDIA_PORT: u16 = 10;
/// Shortest and longest way of a request there and back, in milliseconds.
const WAY_MS: std::ops::Range<i64> = 5..250;

/// The fault that the network makes and not LinkedIn.
pub const REFUSED: &str = "refused";

/// The network of one process.
pub struct Wire {
    /// The stage.
    pub stage: Arc<Stage>,
    /// Whose requests these are.
    pub who: Who,
}

#[async_trait]
impl Transport for Wire {
    async fn get(&self, question: Question) -> Result<Answer, EgressFault> {
        let (stage, who) = (&self.stage, self.who);
        let n = stage.next_request();
        let wall_ms = stage.wall_ms();
        let member = member(&question);
        let begun = stage.with(|state| {
            let account = member.and_then(|member| state.book.account_of(member));
            state.manners.begin(who, account, (wall_ms, stage.true_ms()), &state.book)
        });
        if let Err(breach) = begun {
            stage.report(breach);
        }
        let _on_its_way = OnItsWay { stage, who };
        let answered = match interlude(stage, Place::Asking(n), who, true).await {
            Fate::Dies => {
                kill(stage, who).await;
                Err(EgressFault::NoConnection)
            }
            Fate::IsRefused => self.refused(n),
            Fate::GoesOn | Fate::Fails(_) => self.exchange(n, &question),
        };
        if interlude(stage, Place::Answered(n), who, true).await == Fate::Dies {
            kill(stage, who).await;
        }
        answered
    }
}

/// A request that somebody waits for; when that one is killed, nobody does.
struct OnItsWay<'a> {
    stage: &'a Arc<Stage>,
    who: Who,
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        let who = self.who;
        self.stage.with(|state| state.manners.end(who));
    }
}

impl Wire {
    /// LinkedIn never hears of it.
    fn refused(&self, n: u64) -> Result<Answer, EgressFault> {
        self.stage.with(|state| *state.tally.faults.entry(REFUSED).or_default() += 1);
        self.stage.let_pass(WAY_MS.start);
        self.stage.tell(self.who, format_args!("asks {n}: its connection is refused"));
        Err(EgressFault::NoConnection)
    }

    fn exchange(&self, n: u64, question: &Question) -> Result<Answer, EgressFault> {
        let stage = &self.stage;
        let spread = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let way_ms = WAY_MS.start + i64::try_from(spread % 1_000_003).unwrap_or(0) % (WAY_MS.end - WAY_MS.start);
        stage.let_pass(way_ms / 2);
        let request = request(question);
        let now_ms = stage.true_ms();
        let (outcome, line) = stage.with(|state| {
            let outcome = state.simulator.respond(now_ms, &request);
            let line = state.simulator.ledger().lines().next_back().cloned();
            if let Some(line) = &line {
                state.tally.refusals += u64::from(line.status == 400);
                state.tally.media_requests += u64::from(line.purpose == Purpose::Media);
            }
            (outcome, line)
        });
        stage.let_pass(way_ms - way_ms / 2);
        let seen = self.seen(question, outcome);
        self.tell(n, &request, &seen);
        // Who waits counts from when it knows.
        let wall_ms = stage.wall_ms();
        let told =
            line.map(|line| stage.with(|state| state.manners.judge(self.who, wall_ms, &line, seen.as_ref().ok())));
        if let Some(Err(breach)) = told {
            stage.report(breach);
        }
        seen
    }

    /// What an HTTP client sees of an outcome.
    fn seen(&self, question: &Question, outcome: Outcome) -> Result<Answer, EgressFault> {
        let Outcome::Answer(answer) = outcome else {
            return Err(EgressFault::Cut);
        };
        let total_ms = i64::try_from(question.total_ms).unwrap_or(i64::MAX);
        let is_read = !question.is_file || answer.status == 200;
        let pauses_ms = match answer.pace {
            Pace::Drip { piece_bytes, pause_ms } if is_read => {
                let pieces = answer.body.len().div_ceil(piece_bytes.max(1));
                i64::try_from(pieces).unwrap_or(i64::MAX).saturating_mul(i64::try_from(pause_ms).unwrap_or(i64::MAX))
            }
            _ => 0,
        };
        let lasts_ms = pauses_ms.saturating_add(i64::try_from(answer.delay_ms).unwrap_or(i64::MAX));
        self.stage.let_pass(lasts_ms.min(total_ms));
        if lasts_ms > total_ms {
            return Err(EgressFault::Timeout);
        }
        let headers = headers(&answer.headers);
        if !is_read {
            return Ok(Answer { status: answer.status, headers, body: Vec::new() });
        }
        let length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        if answer.cut_after.is_some() || answer.claimed_bytes.is_some_and(|claimed| claimed > length) {
            return Err(EgressFault::Cut);
        }
        let is_bomb = !question.is_file && headers.contains_key("content-encoding");
        if is_bomb || matches!(answer.pace, Pace::Repeat { .. }) || answer.body.len() > question.body_max {
            return Err(EgressFault::TooLarge);
        }
        let mut body = answer.body;
        if let Some(claimed) = answer.claimed_bytes {
            body.truncate(usize::try_from(claimed).unwrap_or(usize::MAX));
        }
        Ok(Answer { status: answer.status, headers, body })
    }

    fn tell(&self, n: u64, request: &Request, seen: &Result<Answer, EgressFault>) {
        let now_ms = self.stage.true_ms();
        self.stage.with(|state| {
            let line = state.simulator.ledger().lines().next_back();
            let purpose = line.map(|line| line.purpose.name()).unwrap_or_default();
            let fault = line.and_then(|line| line.fault).unwrap_or("-");
            state.story.count(request.target.as_bytes());
            match seen {
                Ok(answer) => {
                    state.story.count(&answer.body);
                    let (status, bytes) = (answer.status, answer.body.len());
                    let what = format_args!("asks {n} {purpose} -> {status}, {bytes} bytes, fault {fault}");
                    state.story.tell(now_ms, self.who, what);
                }
                Err(error) => {
                    state.story.tell(now_ms, self.who, format_args!("asks {n} {purpose} -> {error}, fault {fault}"));
                }
            }
        });
    }
}

/// Whose mailbox is asked about: every question about conversations and messages names it.
fn member(question: &Question) -> Option<&str> {
    let (_, rest) = question.url.query()?.split_once("fsd_profile%3A")?;
    rest.split(['%', ',', ')', '&']).next()
}

fn request(question: &Question) -> Request {
    let url = &question.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let is_media = url.port() == Some(MEDIA_PORT);
    let mut request =
        Request { listener: if is_media { Listener::Media } else { Listener::Site }, ..Request::get(&target) };
    let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default());
    request.headers.push(("host".to_owned(), host));
    for (name, value) in &question.headers {
        request.headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    request
}

fn headers(from: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in from {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}
