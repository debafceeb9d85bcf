//! The simulated LinkedIn as one pure thing: a request and a time go in, an answer comes out.
//!
//! No clock, no socket, no thread. Equal seeds, worlds, times and requests give equal answers to the byte.

use std::collections::BTreeMap;

use serde_json::json;

use crate::chance::Chance;
use crate::control;
use crate::faults::{Fault, FaultKind, FaultState, Faults};
use crate::ledger::{Ledger, LedgerLine, MediaNote, Purpose};
use crate::media::{self, Catalog, Hall};
use crate::request::{Answer, Outcome, Request};
use crate::sessions::{Refusal, Sessions, Shown};
use crate::strikes;
use crate::switches::{DeadForm, Switches};
use crate::voyager::desk::{Desk, Reply, Trouble};
use crate::voyager::json::Json;
use crate::voyager::lists::Orders;
use crate::voyager::query_ids::Variant;
use crate::voyager::restli::Restli;
use crate::voyager::route::{self, Route, Routed};
use crate::voyager::token_memory::TokenMemory;
use crate::voyager::writer::Form;
use crate::voyager::{self, me, urns, writes};
use crate::walls;
use crate::world::links::{self, PRIVATE_PREFIX};
use crate::world::model::{Ms, PersonId};
use crate::world::{Applied, Mutation, MutationError, World};

/// How a simulator begins.
#[derive(Debug, Clone, Default)]
pub struct SimulatorOptions {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// How this LinkedIn behaves.
    pub switches: Switches,
    /// What goes wrong.
    pub faults: Faults,
}

/// A whole simulated LinkedIn.
pub struct Simulator {
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    pub(crate) switches: Switches,
    pub(crate) faults: FaultState,
    pub(crate) ledger: Ledger,
    pub(crate) chance: Chance,
    /// Fault draws have a chance of their own: asking for credentials must not shift them.
    draws: Chance,
    tokens: TokenMemory,
    orders: Orders,
    catalog: Catalog,
    revision: u64,
    requests: u64,
    busy_until: BTreeMap<PersonId, Vec<Ms>>,
}

impl Simulator {
    /// A simulator of this world.
    pub fn new(world: World, options: SimulatorOptions) -> Self {
        Self {
            world,
            sessions: Sessions::default(),
            switches: options.switches,
            faults: FaultState::new(options.faults),
            ledger: Ledger::default(),
            chance: Chance::seeded(options.seed),
            draws: Chance::seeded(options.seed ^ DRAWS_SEED),
            tokens: TokenMemory::default(),
            orders: Orders::default(),
            catalog: Catalog::default(),
            revision: 1,
            requests: 0,
            busy_until: BTreeMap::new(),
        }
    }

    /// Answers one request.
    pub fn respond(&mut self, now_ms: Ms, request: &Request) -> Outcome {
        if request.path().starts_with(control::PREFIX) && !request.listener.is_media() {
            return Outcome::Answer(control::answer(self, now_ms, request));
        }
        self.requests += 1;
        let routed = route::route(request, &self.switches);
        let shown = Shown::of(request);
        let account = self.sessions.owner(&shown).cloned();
        let purpose = routed.route.purpose();
        let drawn = self.faults.draw(purpose, request.path(), &mut self.draws);
        let (mut outcome, fault) = self.outcome(now_ms, request, &routed, &shown, drawn.fault);
        if let Some(kind) = fault {
            self.faults.note(kind);
        }
        if let Outcome::Answer(answer) = &mut outcome {
            answer.delay_ms = drawn.delay_ms;
        }
        let concurrent = self.concurrent(account.as_ref(), now_ms, drawn.delay_ms);
        self.ledger.push(LedgerLine {
            n: self.requests,
            at_ms: now_ms,
            method: request.method.clone(),
            path: request.path().to_owned(),
            query: routed.query,
            purpose,
            account: account.map(|owner| urns::profile(&owner)),
            status: status(&outcome),
            writes: routed.writes,
            fault: fault.map(FaultKind::name),
            concurrent,
            media: (purpose == Purpose::Media).then(|| note(request)),
        });
        outcome
    }

    /// What is true.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Changes what is true.
    pub fn mutate(&mut self, mutation: &Mutation, now_ms: Ms) -> Result<Applied, MutationError> {
        self.revision += 1;
        self.world.apply(mutation, now_ms)
    }

    /// Puts another world in place of this one; sessions, tokens and the ledger stay.
    pub fn replace_world(&mut self, world: World) {
        self.revision += 1;
        self.world = world;
    }

    /// The book of requests.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How this LinkedIn behaves.
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Changes how this LinkedIn behaves.
    pub fn set_switches(&mut self, switches: Switches) {
        self.switches = switches;
    }

    /// Changes what goes wrong; every count begins anew.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = FaultState::new(faults);
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        self.faults.faults()
    }

    /// How often each kind of fault has struck.
    pub fn faults_struck(&self) -> BTreeMap<&'static str, u64> {
        self.faults.struck().filter(|(_, times)| *times > 0).map(|(kind, times)| (kind.name(), times)).collect()
    }

    /// Credentials of every account, in the order of the world; a dead session is followed by a new one.
    pub fn credentials(&mut self) -> Vec<control::Credentials> {
        control::credentials(self)
    }

    /// Ends every session of a member, whose next request shows it in this form.
    pub fn kill_sessions(&mut self, owner: &str, form: DeadForm) -> usize {
        self.sessions.kill_all(owner, form)
    }

    fn outcome(
        &mut self,
        now_ms: Ms,
        request: &Request,
        routed: &Routed,
        shown: &Shown,
        drawn: Option<(FaultKind, Fault)>,
    ) -> (Outcome, Option<FaultKind>) {
        let Some((kind, fault)) = drawn else {
            let trouble = Trouble { nonce: self.requests, ..Trouble::default() };
            let (answer, _) = self.wire(now_ms, request, routed, shown, trouble);
            return (Outcome::Answer(answer), None);
        };
        let early = strikes::before((kind, &fault), request, shown, &mut self.sessions, &mut self.draws);
        if let Some(outcome) = early {
            return (outcome, Some(kind));
        }
        let trouble = strikes::trouble(kind, &fault, self.requests, &mut self.draws);
        let (mut answer, differs) = self.wire(now_ms, request, routed, shown, trouble);
        let late = match kind {
            FaultKind::ExpiredLink => self.expire(request, &fault, &mut answer),
            _ => strikes::after((kind, &fault), request, &mut answer, (shown, &mut self.sessions), &mut self.draws),
        };
        (Outcome::Answer(answer), (differs || late).then_some(kind))
    }

    /// Renews the good link of a request for a file, which is too late for this request.
    fn expire(&mut self, request: &Request, fault: &Fault, answer: &mut Answer) -> bool {
        let signed = !request.query().is_empty() && answer.status == 200;
        let Some(asset) = links::asset_in(request.path()).filter(|_| signed) else { return false };
        let status = fault.status.unwrap_or(links::EXPIRED_STATUS);
        let renewed = self.world.links.renew_path(asset, status);
        if renewed {
            *answer = media::expired(status);
        }
        renewed
    }

    /// What LinkedIn answers when nothing but `trouble` goes wrong.
    fn wire(
        &mut self,
        now_ms: Ms,
        request: &Request,
        routed: &Routed,
        shown: &Shown,
        trouble: Trouble,
    ) -> (Answer, bool) {
        if routed.route == Route::Media {
            let catalog = self.catalog.of(&self.world, self.revision);
            let hall = Hall { world: &self.world, catalog, sessions: &mut self.sessions, switches: &self.switches };
            return (media::answer(hall, request, shown, now_ms), false);
        }
        let owner = match self.sessions.accept(shown, &self.switches, now_ms) {
            Ok(owner) => owner,
            Err(Refusal::Dead(form)) => return (walls::dead(form, request), false),
            Err(Refusal::Csrf) => return (walls::csrf_failed(), false),
        };
        let accept = request.header_value("accept");
        let answer = match &routed.route {
            Route::Me => written(&me::me(&self.world, &owner, Form::of(accept)), accept),
            Route::Query(variant, variables) => {
                return self.query(now_ms, (*variant, variables), &owner, accept, trouble);
            }
            Route::BadQuery => Answer::bare_status(400),
            Route::Logout => {
                self.sessions.kill(shown, DeadForm::Unauthorized);
                Answer::empty(303).with_header("location", "/")
            }
            Route::Write => writes::answer(request, &owner, now_ms),
            Route::Unknown | Route::Media => Answer::bare_status(404),
        };
        (answer, false)
    }

    fn query(
        &mut self,
        now_ms: Ms,
        (variant, variables): (Variant, &Restli),
        owner: &str,
        accept: Option<&str>,
        trouble: Trouble,
    ) -> (Answer, bool) {
        // A token says "everything up to now": from here on each change has to be newer than that.
        let issued_ms = self.world.changed_at_ms.max(now_ms);
        self.world.changed_at_ms = issued_ms;
        let order = self.orders.of(&self.world, owner, self.revision);
        let form = Form::of(accept);
        let mut desk = Desk {
            world: &self.world,
            order,
            owner,
            switches: &self.switches,
            tokens: &mut self.tokens,
            variables,
            form,
            issued_ms,
            trouble,
        };
        match voyager::answer(&mut desk, variant) {
            Reply::Answer(mut json, differs) => {
                let odd = trouble.odd_record && spoil(&mut json, variant.answer_field());
                let reordered = trouble.reorders && reorder(&mut json, variant.answer_field());
                (written(&json, accept), differs || odd || reordered)
            }
            Reply::WrongVariables => (wrong_variables(variant, accept), false),
            Reply::Refused => (Answer::bare_status(400), false),
        }
    }

    /// How many requests of an account are in flight at this moment, this one included.
    fn concurrent(&mut self, account: Option<&PersonId>, now_ms: Ms, delay_ms: u64) -> u32 {
        let Some(owner) = account else { return 1 };
        let busy = self.busy_until.entry(owner.clone()).or_default();
        busy.retain(|until_ms| *until_ms > now_ms);
        busy.truncate(IN_FLIGHT_MAX);
        busy.push(now_ms.saturating_add(i64::try_from(delay_ms).unwrap_or(0)));
        u32::try_from(busy.len()).unwrap_or(u32::MAX)
    }
}

/// Requests in flight that are counted for one account.
const IN_FLIGHT_MAX: usize = 1_000;
/// Hosts that must never get a cookie, by the name under which a client asks.
const OPEN_HOSTS: [&str; 3] = ["media.licdn.com", "dms.licdn.com", "media.tenor.com"];
/// Keeps the two sources of chance apart.
const DRAWS_SEED: u64 = 0x5eed_0fd2_a715_0000;

fn status(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Answer(answer) => answer.status,
        Outcome::Reset => 0,
    }
}

fn written(json: &Json<'_>, accept: Option<&str>) -> Answer {
    let mut answer = Answer::json(200, json.to_bytes());
    answer.headers = vec![
        ("content-type".to_owned(), Form::of(accept).content_type(accept).to_owned()),
        ("cache-control".to_owned(), "no-cache, no-store, no-transform".to_owned()),
        ("vary".to_owned(), "accept-encoding".to_owned()),
    ];
    answer
}

/// 200 with `errors` and no collection (upstream protocol 1.5, 3.1).
fn wrong_variables(variant: Variant, accept: Option<&str>) -> Answer {
    let field = variant.answer_field();
    let body = json!({
        "data": {field: null},
        "errors": [{"message": "Variables do not match the stored query", "extensions": {"status": 400}}],
    });
    let mut answer = Answer::json(200, body.to_string().into_bytes());
    answer.headers = vec![("content-type".to_owned(), Form::of(accept).content_type(accept).to_owned())];
    answer
}

/// Gives the first record of a page the wrong shape; only the nested form has records in place.
fn spoil(json: &mut Json<'_>, field: &str) -> bool {
    let collection = json.member_mut("data").and_then(|data| data.member_mut(field));
    let Some(Json::List(elements)) = collection.and_then(|one| one.member_mut("elements")) else {
        return false;
    };
    let Some(first) = elements.first_mut() else { return false };
    for key in ["renderContent", "conversationParticipants"] {
        if let Some(value) = first.member_mut(key) {
            *value = Json::Int(17);
            return true;
        }
    }
    false
}

/// Turns the order of a page's items around; a page in the normalized form has references in place of items.
fn reorder(json: &mut Json<'_>, field: &str) -> bool {
    let Some(data) = json.member_mut("data") else { return false };
    // Only the normalized form has `data` twice.
    let data = if data.member_mut("data").is_some() { data.member_mut("data") } else { Some(data) };
    let Some(Json::Object(members)) = data.and_then(|data| data.member_mut(field)) else { return false };
    match members.iter_mut().find(|(key, _)| key == "elements" || key == "*elements") {
        Some((_, Json::List(items))) if items.len() > 1 => {
            items.reverse();
            true
        }
        _ => false,
    }
}

/// What the ledger tells of a request for a file.
fn note(request: &Request) -> MediaNote {
    let is_site = request.path().starts_with(PRIVATE_PREFIX) && !request.listener.is_media();
    let cookies_sent = request.header_value("cookie").is_some_and(|text| !text.trim().is_empty());
    let host = request.header_value("host").unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let elsewhere = request.listener.is_media() || OPEN_HOSTS.iter().any(|open| host.eq_ignore_ascii_case(open));
    MediaNote {
        host: if is_site { "site" } else { "open" },
        range: request.header_value("range").is_some(),
        cookies_sent,
        cookies_leaked: cookies_sent && elsewhere,
    }
}

impl Purpose {
    /// The name in the ledger.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
