//! The index of search behind a command that has brought messages: brought up to date, with progress.
//!
//! It must never fail the command: what is not taken in now is taken in by a server, by the next search or by the next
//! sync.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::lifecycle::Stop;
use crate::refusal::Refusal;
use crate::store::{IndexLag, Merge, SharedStore};
use crate::verbs::search::{catch_up, lag, tidy};

use super::console;
use super::table::number;

/// Steps between two looks at how far it is.
const STEPS_AT_ONCE: u32 = 10;
/// Looks after which it ends whatever is left: more steps than a mailbox of a hundred million messages takes.
const LOOKS_MAX: u32 = 50_000;
/// Pieces of a merge after which it is left to the next command.
const PIECES_MAX: u32 = 1_000_000;
/// Looks between two plain lines.
const LOOKS_OF_LINE: u32 = 25;

/// Brings the index up to date behind a command; a failure is told and passes.
pub(super) async fn follow(store: &SharedStore, stop: &Stop) {
    if let Err(refusal) = bring(store, stop).await {
        console::tell(&format!("the index of search could not be brought up to date: {refusal}"));
        console::tell("hint: the messages are kept; `threadkeep doctor` tells what is wrong with the index");
    }
}

/// Brings the index up to date, or as far as a stop lets it; gives how far it is then.
pub(super) async fn bring(store: &SharedStore, stop: &Stop) -> Result<IndexLag, Refusal> {
    let mut bar: Option<ProgressBar> = None;
    for look in 1..=LOOKS_MAX {
        let goes_on = catch_up(store, STEPS_AT_ONCE).await?;
        if !goes_on || stop.is_asked() {
            break;
        }
        let far = lag(store).await?;
        match console::is_watched() {
            true => show(bar.get_or_insert_with(self::bar), far),
            false if look % LOOKS_OF_LINE == 0 => {
                console::tell(&format!("index: {} of {} messages", number(far.indexed), number(far.messages)));
            }
            false => {}
        }
    }
    bar.iter().for_each(ProgressBar::finish_and_clear);
    one_part(store, stop).await?;
    lag(store).await
}

/// Makes the index one part where searches gain by it.
async fn one_part(store: &SharedStore, stop: &Stop) -> Result<(), Refusal> {
    let (mut merge, mut spinner) = (Merge::default(), None);
    for _ in 0..PIECES_MAX {
        if stop.is_asked() || !tidy(store, &mut merge).await? {
            break;
        }
        if console::is_watched() {
            spinner.get_or_insert_with(self::spinner).tick();
        }
    }
    spinner.iter().for_each(ProgressBar::finish_and_clear);
    Ok(())
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} the index of search is being merged");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {bar:24} {pos}/{len} messages in the index of search");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn show(bar: &ProgressBar, far: IndexLag) {
    bar.set_length(far.messages.max(far.indexed).max(1));
    bar.set_position(far.indexed);
    bar.tick();
}
