//! What the program can do, as plain functions: the API, the viewer and the CLI call these and nothing below them.
//!
//! A verb checks its input, uses the store, and answers with values or a [`crate::refusal::Refusal`]. No verb but
//! those of `accounts` (which prove a login) may cause a request to LinkedIn: syncing is the workers' work.

pub mod accounts;
pub mod audit;
pub mod backup;
pub mod completeness;
pub mod export;
pub mod freshness;
pub mod import;
mod import_lease;
pub mod keys;
pub mod login_end;
pub mod media;
pub mod read;
pub mod restore_copy;
pub mod rotation;
pub mod search;
pub mod secrets;
pub mod sign_in;
pub mod sync;
pub mod verify;
