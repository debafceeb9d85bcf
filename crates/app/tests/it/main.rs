//! The program from outside: one test binary, so that it is linked once.
//!
//! Every file of this folder is a module here, or it would silently test nothing.

mod api_access;
mod api_accounts;
mod api_errors;
mod api_listen;
mod api_lists;
mod api_log;
mod api_messages;
mod api_sync;
mod api_world;
mod cli;
mod cli_demo;
mod cli_harness;
mod cli_help;
mod config;
mod harness;
mod kill;
mod pg;
mod store_contract_accounts;
mod store_contract_commit;
mod store_contract_export;
mod store_contract_jobs;
mod store_contract_reads;
mod store_contract_upkeep;
mod store_database;
mod store_fixture;
mod store_open;
mod stories;
mod trouble;

#[test]
fn no_file_is_forgotten() -> anyhow::Result<()> {
    let here = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"))? {
        let path = entry?.path();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(name == "main" || here.contains(&format!("mod {name};")), "{name} is not declared in main.rs");
    }
    Ok(())
}
