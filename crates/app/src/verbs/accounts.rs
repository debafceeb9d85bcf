//! Adding an account, giving it a new login, pausing and removing it.
//!
//! A login is proved by one request for the member's own profile before anything is stored, and cookies of another
//! member are refused. Secrets enter here, are sealed, and never come back out.

use threadkeep_core::id::AccountId;
use threadkeep_core::identity::ProfileSlug;
use threadkeep_core::page::Trouble;

use crate::app::App;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::seal::SESSIONS;
use crate::source::voyager::{Member, Session, account_id};
use crate::store::{Account, Act, Actor, Deed, Login, MediaPolicy, Object, SealedSession};
use crate::verbs::{audit, media, secrets};

/// How often a login is stored anew because its account was removed meanwhile.
const TRIES: u32 = 3;

/// Adds the account that a pasted session belongs to, or gives it a new login when it exists.
pub async fn add(app: &App, who: &Actor, pasted: &str) -> Result<Account, Refusal> {
    add_with(app, who, pasted, None).await
}

/// The same, and decides when its media are fetched; a new account without a decision has that of the configuration.
pub async fn add_with(app: &App, who: &Actor, pasted: &str, policy: Option<MediaPolicy>) -> Result<Account, Refusal> {
    let (member, session) = prove(app, pasted).await?;
    let is_new = app.store.account(&account_for(app, &member).await?).await?.is_none();
    let act = if is_new { Act::AccountAdded } else { Act::AccountReconnected };
    store_login(app, (who, act), (&member, policy), &session).await
}

/// Gives an account a new login; refused when the session belongs to another member.
pub async fn reconnect(app: &App, who: &Actor, id: &AccountId, pasted: &str) -> Result<Account, Refusal> {
    find(app, id).await?;
    let (member, session) = prove(app, pasted).await?;
    if account_for(app, &member).await? != *id && !planted::is(Bug::OtherMemberAccepted) {
        return Err(Refusal::AccountMismatch);
    }
    store_login(app, (who, Act::AccountReconnected), (&member, None), &session).await
}

/// One account.
pub async fn find(app: &App, id: &AccountId) -> Result<Account, Refusal> {
    app.store.account(id).await?.ok_or(Refusal::NoAccount)
}

/// All accounts, by the time they were added.
pub async fn list(app: &App) -> Result<Vec<Account>, Refusal> {
    Ok(app.store.accounts().await?)
}

/// Pauses an account, or lets a paused one go on.
pub async fn set_paused(app: &App, who: &Actor, id: &AccountId, paused: bool) -> Result<(), Refusal> {
    let act = if paused { Act::AccountPaused } else { Act::AccountResumed };
    let line = audit::done(app, who, act, Object::account(id));
    match app.store.carry_out(&Deed::SetPaused(id, paused), &line).await? {
        true => Ok(()),
        false => Err(Refusal::NoAccount),
    }
}

/// Removes an account with everything that was mirrored for it.
pub async fn remove(app: &App, who: &Actor, id: &AccountId) -> Result<(), Refusal> {
    let line = audit::done(app, who, Act::AccountRemoved, Object::account(id));
    if !app.store.carry_out(&Deed::Remove(id), &line).await? {
        return Err(Refusal::NoAccount);
    }
    // Bytes that are left over are removed by a server or by `media sweep`: the account is gone either way.
    if let Err(refusal) = media::remove_loose(app).await {
        tracing::warn!(code = refusal.code(), "media of a removed account are still to be swept");
    }
    Ok(())
}

/// Seals a session for an account.
pub async fn seal_session(app: &App, id: &AccountId, session: &Session) -> Result<SealedSession, Refusal> {
    let plain = session.to_secret_bytes().map_err(|_| Refusal::Internal("a session could not be written".into()))?;
    let sealed = secrets::seal(app, SESSIONS, id, &plain).await?;
    Ok(SealedSession { sealed, login_expires_at: session.login_expires_at() })
}

/// Opens the stored session of an account.
pub async fn open_session(app: &App, id: &AccountId) -> Result<Session, Refusal> {
    let sealed = app.store.sealed_session(id).await?.ok_or(Refusal::NoAccount)?;
    let plain = secrets::open(app, SESSIONS, id, &sealed).await?;
    Session::from_secret_bytes(&plain).map_err(|_| Refusal::Secret("the stored session cannot be read".into()))
}

fn account_of(member: &Member) -> Result<AccountId, Refusal> {
    account_id(&member.id).map_err(|error| Refusal::Internal(error.to_string()))
}

/// The account of a member: the one that is theirs already, the one that an archive of theirs has made, or a new one.
async fn account_for(app: &App, member: &Member) -> Result<AccountId, Refusal> {
    let all = app.store.accounts().await?;
    if let Some(own) = all.iter().find(|one| one.member == member.id) {
        return Ok(own.id.clone());
    }
    let slug = member.public_id.as_deref().and_then(ProfileSlug::of_slug);
    let is_theirs =
        |one: &&Account| one.member.is_from_archive() && slug.is_some() && ProfileSlug::of_slug(&one.public_id) == slug;
    match all.iter().find(is_theirs) {
        Some(archived) => Ok(archived.id.clone()),
        None => account_of(member),
    }
}

async fn prove(app: &App, pasted: &str) -> Result<(Member, Session), Refusal> {
    let session = Session::import(pasted).map_err(|error| Refusal::BadCookies(error.to_string()))?;
    let mut voyager = app.voyager(session);
    match voyager.me().await {
        Ok(member) => Ok((member, voyager.session().clone())),
        Err(failed) => Err(match failed.trouble {
            Trouble::NeedsLogin { what } => Refusal::NeedsLogin(format!(
                "LinkedIn does not accept these cookies ({what}): log in again in a private window and paste a fresh request"
            )),
            Trouble::Challenged { what } => Refusal::NeedsLogin(format!(
                "LinkedIn asks for a check in the browser ({what}): answer it there, then paste a fresh request"
            )),
            other => Refusal::Upstream(format!("the login could not be proved: {other}; nothing was stored")),
        }),
    }
}

async fn store_login(
    app: &App,
    (who, act): (&Actor, Act),
    (member, policy): (&Member, Option<MediaPolicy>),
    session: &Session,
) -> Result<Account, Refusal> {
    let id = account_for(app, member).await?;
    if let Some(before) = app.store.account(&id).await?.filter(|before| before.member.is_from_archive()) {
        // The archive knew a link or a name; from here on the member has the id that LinkedIn has given.
        app.store.take_over(&id, &before.member, &member.id).await?;
    }
    for _ in 0..TRIES {
        let login = Login { media_policy: policy, ..login_of(app, &id, member, session).await? };
        let line = audit::done(app, who, act, Object::account(&id));
        app.store.carry_out(&Deed::LogIn(&login), &line).await?;
        // A removal in between has taken the data key along.
        if app.store.data_key(&id, None).await?.is_some() {
            break;
        }
    }
    find(app, &id).await
}

async fn login_of(app: &App, id: &AccountId, member: &Member, session: &Session) -> Result<Login, Refusal> {
    Ok(Login {
        id: id.clone(),
        member: member.id.clone(),
        first_name: member.first_name.clone(),
        last_name: member.last_name.clone(),
        public_id: member.public_id.clone().unwrap_or_default(),
        picture_url: member.picture_url.clone(),
        premium: Some(member.premium),
        scope: app.sync.categories.clone(),
        new_media_policy: app.media.settings.policy,
        media_policy: None,
        sealed_session: seal_session(app, id, session).await?,
    })
}
