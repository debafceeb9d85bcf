//! `threadkeep demo`: everything at once against a simulated LinkedIn, so that anyone can try it without an account.
//!
//! It has its own directory, key and upstream, and never touches the user's own mirror. What it says about itself is
//! measured: the mirror is compared with the simulator's truth, byte by byte.

mod compare;
mod places;
mod simulated;

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::{Config, Inputs};
use crate::lifecycle::{Stop, stop_on_signal};
use crate::store::{Account, Actor, Job};
use crate::telemetry;
use crate::verbs::accounts;
use crate::verbs::export::ExportWish;
use crate::verbs::keys::{self, NewKey, Scope};

use super::failure::{Ended, Failure, OTHER};
use super::one_run::Ran;
use super::table::number;
use super::{console, export, one_run, open, progress, report, serve};

use compare::Comparison;
use places::DemoPlaces;
use simulated::Simulated;

const AFTER_HELP: &str = "\
Starts a simulated LinkedIn on this machine, connects its invented member, copies the whole inbox, compares the copy \
with the truth, then serves the API with a fresh key until Ctrl-C. Nothing is sent to the real LinkedIn.

Examples:
  threadkeep demo
  threadkeep demo --conversations 2000 --faults heavy
  threadkeep demo --exit          exit code 0 only if the copy equals the truth";

/// Try everything against a simulated LinkedIn.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArgs {
    /// End after the sync.
    #[arg(long)]
    exit: bool,
    /// Conversations of the invented inbox.
    #[arg(long, default_value_t = 120, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    conversations: u32,
    /// Mean number of messages of a conversation.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    messages_mean: u32,
    /// Everything invented follows from it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// What goes wrong on the way.
    #[arg(long, value_enum, default_value_t = FaultsPreset::Light)]
    faults: FaultsPreset,
    /// Address and port of the API afterwards.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FaultsPreset {
    /// Nothing.
    None,
    /// What an ordinary day brings.
    Light,
    /// A few percent of everything that can be survived.
    Heavy,
}

impl FaultsPreset {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Heavy => "heavy",
        }
    }
}

/// Runs the command.
pub(crate) async fn run(args: DemoArgs, mut inputs: Inputs) -> Ended {
    let places = DemoPlaces::make(&inputs)?;
    let simulated = Simulated::start(&args).await?;
    places.settle(&mut inputs, simulated.url(), args.listen.clone());
    let config = Config::load(&inputs)?;
    telemetry::start(&config.log, Some(telemetry::PROGRESS_LEVEL))?;
    serve::refuse_open_address(config.listen, false)?;
    let app = open::app(&config, open::Use::Server).await?;
    let stop = Stop::default();
    stop_on_signal(stop.clone());
    let ended = demo(&app, &config, &args, (&simulated, &places), &stop).await;
    stop.ask();
    app.store.close().await;
    simulated.stop().await;
    ended
}

async fn demo(
    app: &App,
    config: &Config,
    args: &DemoArgs,
    (simulated, places): (&Simulated, &DemoPlaces),
    stop: &Stop,
) -> Ended {
    console::tell(&format!("simulated LinkedIn on {} (faults: {})", simulated.url(), args.faults.as_str()));
    let account = accounts::add(app, &Actor::Setup, &simulated.session()?).await?;
    console::tell(&format!("connected {} ({})", super::account::name(&account), account.id));
    // Trouble begins once the account is connected: a failed login is a question to a person, not a thing to survive.
    simulated.make_trouble(args.faults.as_str())?;
    let mut view = progress::view();
    let ran = one_run::run(app, &account.id, one_run::Errand::Sync { forced: true }, stop, view.as_mut()).await;
    let job = match ran {
        Ok(Ran::Over(job)) if job.failure.is_none() => job,
        other => {
            let report = report::of(&account.id, &other);
            console::tell(&report.text);
            return Ok(report.code);
        }
    };
    let comparison = compare(app, config, &account, simulated, places).await?;
    summary(app, &account, &job, (simulated, places), &comparison).await?;
    if args.exit {
        return comparison.ended();
    }
    serve_api(app, config, &account, simulated, stop).await
}

async fn compare(
    app: &App,
    config: &Config,
    account: &Account,
    simulated: &Simulated,
    places: &DemoPlaces,
) -> Result<Comparison, Failure> {
    let wish = ExportWish {
        account: account.id.clone(),
        categories: config.sync.categories.clone(),
        with_history: false,
        with_deleted: false,
    };
    let path = places.export_file();
    export::to_file(app, &wish, &path).await?;
    let mirror = std::fs::read_to_string(&path)
        .map_err(|error| Failure::new(OTHER, format!("the export cannot be read back: {error}")))?;
    Ok(Comparison::of(&mirror, &simulated.truth(account.member.as_str(), &wish.categories)?, &wish.categories))
}

async fn summary(
    app: &App,
    account: &Account,
    job: &Job,
    (simulated, places): (&Simulated, &DemoPlaces),
    comparison: &Comparison,
) -> Result<(), Failure> {
    let overview = app.store.overview(&account.id).await?;
    let done = &job.progress;
    let seconds = report::duration_ms(job) / 100;
    let lines = [
        format!("conversations  {}", number(overview.conversations)),
        format!("messages       {}", number(overview.messages)),
        format!("time           {}.{} s", seconds / 10, seconds % 10),
        format!(
            "requests       {} (the minimum is {}, {} were repeated after trouble)",
            number(done.requests),
            number(comparison.requests_min),
            number(done.troubles)
        ),
        format!("survived       {}", simulated.trouble_made()?),
        format!("the truth      {}", comparison.verdict()),
        format!("database       {}", places.database_file().display()),
        format!("export         {}", places.export_file().display()),
    ];
    lines.iter().try_for_each(|line| console::result(line))?;
    comparison.differences.iter().for_each(|difference| console::tell(&format!("differs: {difference}")));
    Ok(())
}

async fn serve_api(app: &App, config: &Config, account: &Account, simulated: &Simulated, stop: &Stop) -> Ended {
    let listener = bind_somewhere(config.listen).await?;
    let url = serve::url("http", &listener)?;
    let key = NewKey { scopes: Scope::ALL.to_vec(), accounts: None, label: Some("demo".into()) };
    let (key, _) = keys::create(app, &Actor::Setup, key).await?;
    let lines = [
        String::new(),
        format!("Read it in a browser: {url}/ui/ (the key below signs you in)"),
        format!("The API listens on {url}. Try:"),
        format!("  KEY={key}"),
        format!("  curl -H \"Authorization: Bearer $KEY\" '{url}/linkedin/conversations?count=3'"),
        format!("  curl -H \"Authorization: Bearer $KEY\" '{url}/linkedin/conversations/sync/status'"),
        format!(
            "  curl -H \"Authorization: Bearer $KEY\" -d '{{\"accountId\":\"{}\",\"force\":true}}' {url}/linkedin/conversations/sync",
            account.id
        ),
        "Every request that the simulated LinkedIn has seen:".to_owned(),
        format!("  curl {}/_sim/ledger", simulated.url()),
        "Ctrl-C ends it.".to_owned(),
    ];
    lines.iter().try_for_each(|line| console::result(line))?;
    serve::until_stopped(app, listener, serve::settings(config), stop.clone()).await
}

/// The address that was configured, else any free port of this machine.
async fn bind_somewhere(wanted: SocketAddr) -> Result<TcpListener, Failure> {
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(listener),
        Err(_) => serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await,
    }
}
