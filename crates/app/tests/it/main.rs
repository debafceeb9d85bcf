//! The program from outside: one test binary, so that it is linked once.
//!
//! Every file of this folder is a module here, or it would silently test nothing.

#[cfg(test)]
mod api_access;
#[cfg(test)]
mod api_accounts;
#[cfg(test)]
mod api_admin;
#[cfg(test)]
mod api_audit;
#[cfg(test)]
mod api_bodies;
#[cfg(test)]
mod api_contract;
#[cfg(test)]
mod api_document;
#[cfg(test)]
mod api_errors;
#[cfg(test)]
mod api_export;
#[cfg(test)]
mod api_guards;
#[cfg(test)]
mod api_import;
#[cfg(test)]
mod api_legacy;
#[cfg(test)]
mod api_limits;
#[cfg(test)]
mod api_listen;
#[cfg(test)]
mod api_lists;
#[cfg(test)]
mod api_log;
#[cfg(test)]
mod api_matrix;
#[cfg(test)]
mod api_media;
#[cfg(test)]
mod api_messages;
#[cfg(test)]
mod api_nodes;
#[cfg(test)]
mod api_operations;
#[cfg(test)]
mod api_origin;
#[cfg(test)]
mod api_paths;
#[cfg(test)]
mod api_quota;
#[cfg(test)]
mod api_runs;
#[cfg(test)]
mod api_schema;
#[cfg(test)]
mod api_search;
mod api_socket;
#[cfg(test)]
mod api_sync;
#[cfg(test)]
mod api_thread;
#[cfg(test)]
mod api_tls;
#[cfg(test)]
mod api_verify;
#[cfg(test)]
mod api_world;
#[cfg(test)]
mod archives;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cli_demo;
#[cfg(test)]
mod cli_export;
#[cfg(test)]
mod cli_harness;
#[cfg(test)]
mod cli_help;
#[cfg(test)]
mod cli_search;
mod cli_verify;
#[cfg(test)]
mod config;
#[cfg(test)]
mod export_copies;
#[cfg(test)]
mod export_forms;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod import_eras;
#[cfg(test)]
mod import_hostile;
#[cfg(test)]
mod import_lease;
#[cfg(test)]
mod import_people;
#[cfg(test)]
mod import_stories;
#[cfg(test)]
mod import_zips;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod manners;
#[cfg(test)]
mod media_rows;
#[cfg(test)]
mod media_stories;
#[cfg(test)]
mod nodes_clock;
#[cfg(test)]
mod nodes_cluster;
#[cfg(test)]
mod nodes_database;
#[cfg(test)]
mod nodes_faults;
#[cfg(test)]
mod nodes_work;
#[cfg(test)]
mod pg;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod secrets_at_rest;
#[cfg(test)]
mod secrets_home;
#[cfg(test)]
mod secrets_reset;
mod secrets_rotation;
#[cfg(test)]
mod sql_page;
#[cfg(test)]
mod store_contract_accounts;
#[cfg(test)]
mod store_contract_audit;
#[cfg(test)]
mod store_contract_bounds;
#[cfg(test)]
mod store_contract_bystanders;
#[cfg(test)]
mod store_contract_columns;
#[cfg(test)]
mod store_contract_commit;
mod store_contract_copies;
#[cfg(test)]
mod store_contract_damage;
#[cfg(test)]
mod store_contract_export;
#[cfg(test)]
mod store_contract_imports;
#[cfg(test)]
mod store_contract_jobs;
#[cfg(test)]
mod store_contract_listed;
#[cfg(test)]
mod store_contract_lookups;
#[cfg(test)]
mod store_contract_media;
#[cfg(test)]
mod store_contract_media_rows;
#[cfg(test)]
mod store_contract_neighbours;
#[cfg(test)]
mod store_contract_people;
#[cfg(test)]
mod store_contract_reads;
#[cfg(test)]
mod store_contract_search;
#[cfg(test)]
mod store_contract_search_bounds;
mod store_contract_search_lists;
mod store_contract_secrets;
#[cfg(test)]
mod store_contract_sign_ins;
#[cfg(test)]
mod store_contract_upkeep;
#[cfg(test)]
mod store_contract_verify;
#[cfg(test)]
mod store_database;
#[cfg(test)]
mod store_fixture;
#[cfg(test)]
mod store_neighbourhood;
#[cfg(test)]
mod store_open;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod vault_contract;
#[cfg(test)]
mod verify_stories;
#[cfg(test)]
mod web_access;
#[cfg(test)]
mod web_audit;
#[cfg(test)]
mod web_browser;
#[cfg(test)]
mod web_import;
#[cfg(test)]
mod web_large;
#[cfg(test)]
mod web_pages;
#[cfg(test)]
mod web_world;
#[cfg(test)]
mod webdriver;

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
