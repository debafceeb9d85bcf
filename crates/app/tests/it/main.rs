//! Temporary.

mod harness;
mod pg;
mod store_database;
mod stories;
mod trouble;
