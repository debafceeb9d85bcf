//! `threadkeep account`: connects LinkedIn accounts, shows, pauses and removes them.
//!
//! Pasted sessions are secrets: they come from a file or standard input, never from the command line, and are never
//! shown again. Standard output carries the account id alone, so that scripts can keep it.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use threadkeep_core::id::{ACCOUNT_ID_LENGTH, AccountId};
use threadkeep_core::sync::Health;
use threadkeep_core::time::Timestamp;

use crate::app::App;
use crate::config::Config;
use crate::store::{Account, Act, Actor, Object, ObjectKind};
use crate::verbs::audit::noted;
use crate::verbs::login_end::{login_end, renewal};
use crate::verbs::sync::{Status, status, stopped};
use crate::verbs::{accounts, media};

use super::failure::{Ended, Failure, OK};
use super::status::{fresh_object, fresh_words, login_words};
use super::table::{lines, safe, time, time_json, time_or, titled};
use super::{console, open};

/// Largest pasted session, in bytes.
const PASTED_BYTES_MAX: u64 = 1_000_000;

const AFTER_HELP: &str = "\
Examples:
  threadkeep account add                            paste, then Ctrl-D
  threadkeep account add --cookies-file request.txt
  pbpaste | threadkeep account add --cookies-file -
  threadkeep account list --json";

const ADD_HELP: &str = "\
How to get it: log in to LinkedIn in a private browser window, open the developer tools (F12), open the network panel, \
reload, right-click any request to www.linkedin.com and choose \"Copy as cURL\". Then close the window WITHOUT logging \
out. A Cookie header, a cookies.txt file and a JSON export of cookies work, too; the copied request is best because \
LinkedIn ties a session to its browser.

LinkedIn's terms do not allow automated access. This reads your own conversations slowly and never writes, but the \
safe way is LinkedIn's own data export.

The account id alone goes to standard output.";

/// Connect, show, pause and remove LinkedIn accounts.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Connect the account of a logged-in browser session.
    #[command(after_help = ADD_HELP)]
    Add {
        #[command(flatten)]
        pasted: PastedArgs,
        /// When its attachments are fetched: eager, lazy or off.
        #[arg(long, value_name = "POLICY")]
        media: Option<String>,
    },
    /// Change how an account is mirrored.
    Set {
        /// The account.
        id: String,
        /// When its attachments are fetched: eager (by the sync), lazy (when somebody asks), off.
        #[arg(long, value_name = "POLICY")]
        media: String,
    },
    /// List all accounts.
    List(FormArgs),
    /// Show one account.
    Show {
        /// The account.
        id: String,
        #[command(flatten)]
        form: FormArgs,
    },
    /// Remove an account with everything that was mirrored for it.
    Remove {
        /// The account.
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Give an account a new login; what was mirrored stays.
    #[command(after_help = ADD_HELP)]
    Reconnect {
        /// The account.
        id: String,
        #[command(flatten)]
        pasted: PastedArgs,
    },
    /// Stop syncing an account.
    Pause {
        /// The account.
        id: String,
    },
    /// Let a paused account go on.
    Resume {
        /// The account.
        id: String,
    },
}

#[derive(Debug, Args)]
struct PastedArgs {
    /// File with the copied request or cookies; - is standard input.
    #[arg(long, value_name = "FILE|-")]
    cookies_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct FormArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: AccountArgs, config: &Config) -> Ended {
    // What was pasted is read before anything is opened, so that a missing file changes nothing.
    let pasted = match &args.command {
        AccountCommand::Add { pasted, .. } | AccountCommand::Reconnect { pasted, .. } => Some(read_pasted(pasted)?),
        _ => None,
    };
    let app = open::app(config, open::Use::Command).await?;
    let who = open::actor(config);
    let ended = carry_out(&app, &who, args.command, pasted.as_deref().unwrap_or_default()).await;
    app.store.close().await;
    ended
}

/// Reads an account id.
pub(crate) fn parse_id(text: &str) -> Result<AccountId, Failure> {
    let wrong = || {
        Failure::usage(format!("an account id has {ACCOUNT_ID_LENGTH} digits from 0 to 9 and a to f"))
            .hint("`threadkeep account list` shows the accounts")
    };
    match AccountId::new(text) {
        Ok(id) if text.len() == ACCOUNT_ID_LENGTH => Ok(id),
        _ => Err(wrong()),
    }
}

/// The name of an account's member, for people.
pub(crate) fn name(account: &Account) -> String {
    safe(format!("{} {}", account.first_name, account.last_name).trim())
}

async fn carry_out(app: &App, who: &Actor, command: AccountCommand, pasted: &str) -> Ended {
    match command {
        AccountCommand::Set { id, media } => {
            let (id, policy) = (parse_id(&id)?, media::policy(&media)?);
            let act = (Act::MediaPolicyChanged, Object::account(&id));
            noted(app, who, act, media::set_policy(app, who, &id, policy).await).await?;
            console::tell(&format!("attachments: {media}"));
        }
        AccountCommand::Add { media, .. } => {
            let policy = media.as_deref().map(media::policy).transpose()?;
            let act = (Act::AccountAdded, Object::of(ObjectKind::Account, None));
            let account = noted(app, who, act, accounts::add_with(app, who, pasted, policy).await).await?;
            console::tell(&format!("connected {}; `threadkeep sync` copies the conversations", name(&account)));
            console::result(account.id.as_str())?;
        }
        AccountCommand::Reconnect { id, .. } => {
            let id = parse_id(&id)?;
            let act = (Act::AccountReconnected, Object::account(&id));
            let account = noted(app, who, act, accounts::reconnect(app, who, &id, pasted).await).await?;
            console::tell(&format!("connected {} again", name(&account)));
            console::result(account.id.as_str())?;
        }
        AccountCommand::List(form) => list(app, form.json).await?,
        AccountCommand::Show { id, form } => {
            show(app, accounts::find(app, &parse_id(&id)?).await?, form.json).await?;
        }
        AccountCommand::Remove { id, yes } => remove(app, who, &parse_id(&id)?, yes).await?,
        AccountCommand::Pause { id } => {
            set_paused(app, who, &parse_id(&id)?, true).await?;
            console::tell("paused; a run that is going on ends at its next step");
        }
        AccountCommand::Resume { id } => {
            set_paused(app, who, &parse_id(&id)?, false).await?;
            console::tell("resumed");
        }
    }
    Ok(OK)
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let all = status(app, accounts::list(app).await?).await?;
    let now = app.clock.now();
    if json {
        return console::json(&Value::Array(all.iter().map(|one| object(one, now)).collect()));
    }
    if all.is_empty() {
        console::tell("no accounts; `threadkeep account add` connects one");
        return Ok(());
    }
    let mut table = titled(&["ID", "NAME", "HEALTH", "MIRROR", "LAST SYNC"]);
    for one in &all {
        let (account, fresh) = (&one.account, fresh_words(one.freshness(now)));
        let last = time_or(account.last_sync_at, "never");
        table.add_row([account.id.to_string(), name(account), account.health.as_str().to_owned(), fresh, last]);
    }
    console::result(&lines(&table))
}

async fn show(app: &App, account: Account, json: bool) -> Result<(), Failure> {
    let now = app.clock.now();
    let Some(one) = status(app, vec![account]).await?.pop() else { return Ok(()) };
    if json {
        return console::json(&object(&one, now));
    }
    let account = &one.account;
    let mut rows = vec![
        ("id", account.id.to_string()),
        ("name", name(account)),
        ("member", account.member.to_string()),
        ("profile", safe(&account.public_id)),
        ("health", account.health.as_str().to_owned()),
        ("mirror", fresh_words(one.freshness(now))),
        ("folders", account.scope.join(", ")),
        ("media", account.media_policy.as_str().to_owned()),
        ("added", time(account.created_at)),
        ("last sync", time_or(account.last_sync_at, "never")),
    ];
    if let Some((_, remedy)) = stopped(account) {
        rows.push(("to do", remedy));
    }
    if let Some(end) = login_end(account, now) {
        rows.push(("login", login_words(end)));
        if end.is_due() {
            rows.push(("to do", renewal(account)));
        }
    }
    if let Some(hold) = &account.hold {
        rows.push(("waits until", format!("{} ({})", time(hold.until), hold.why.as_str())));
    }
    if let Some(error) = &account.last_error {
        rows.push(("last error", format!("{} ({})", error.what, error.code)));
    }
    rows.into_iter().try_for_each(|(title, value)| console::result(&format!("{title:<12} {value}")))
}

fn object(one: &Status, now: Timestamp) -> Value {
    let account = &one.account;
    json!({
        "id": account.id,
        "name": format!("{} {}", account.first_name, account.last_name).trim(),
        "memberId": account.member,
        "publicIdentifier": account.public_id,
        "health": account.health.as_str(),
        "isConnected": account.health == Health::Connected,
        "freshness": fresh_object(one.freshness(now)),
        "remedy": stopped(account).map(|(_, remedy)| remedy),
        "loginExpiresAt": time_json(account.login_expires_at),
        "holdUntil": time_json(account.hold.as_ref().map(|hold| hold.until)),
        "holdReason": account.hold.as_ref().map(|hold| hold.why.as_str()),
        "categories": account.scope,
        "media": account.media_policy.as_str(),
        "createdAt": time_json(Some(account.created_at)),
        "lastSyncAt": time_json(account.last_sync_at),
        "consecutiveFailures": account.consecutive_failures,
        "lastError": account.last_error.as_ref().map(|error| json!({"code": error.code, "what": error.what})),
    })
}

async fn set_paused(app: &App, who: &Actor, id: &AccountId, is_paused: bool) -> Result<(), Failure> {
    let act = if is_paused { Act::AccountPaused } else { Act::AccountResumed };
    let done = accounts::set_paused(app, who, id, is_paused).await;
    Ok(noted(app, who, (act, Object::account(id)), done).await?)
}

async fn remove(app: &App, who: &Actor, id: &AccountId, is_sure: bool) -> Result<(), Failure> {
    let account = accounts::find(app, id).await?;
    if !is_sure && !is_confirmed(&account)? {
        return Err(Failure::usage("nothing was removed").hint("--yes removes without asking"));
    }
    let done = accounts::remove(app, who, id).await;
    noted(app, who, (Act::AccountRemoved, Object::account(id)), done).await?;
    console::tell("removed; LinkedIn itself still has everything");
    Ok(())
}

fn is_confirmed(account: &Account) -> Result<bool, Failure> {
    if !console::is_typed() {
        return Ok(false);
    }
    console::tell(&format!("remove the mirror of {} with all its messages? Type yes:", name(account)));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    Ok(answer.trim() == "yes")
}

fn read_pasted(args: &PastedArgs) -> Result<String, Failure> {
    let file = args.cookies_file.as_deref().filter(|path| *path != Path::new("-"));
    let bytes = match file {
        Some(path) => {
            let open = std::fs::File::open(path);
            let file = open.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
            read_limited(file)
        }
        None => {
            if console::is_typed() {
                console::tell("Paste the copied request or the Cookie header, then press Enter and Ctrl-D:");
            }
            read_limited(std::io::stdin().lock())
        }
    };
    let bytes = bytes.map_err(|error| Failure::usage(format!("the session cannot be read: {error}")))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > PASTED_BYTES_MAX {
        return Err(Failure::usage(format!("that is longer than {PASTED_BYTES_MAX} bytes and no session")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("that is not UTF-8 text and no session"))
}

fn read_limited(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(PASTED_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
