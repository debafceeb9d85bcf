//! What happened in a life, in numbers: for budgets, and so that nobody has to believe that something was tried.

use std::collections::BTreeMap;

/// Counts of one life, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lives.
    pub seeds: u64,
    /// Requests to the upstream.
    pub requests: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Killed processes.
    pub crashes: u64,
    /// Leases that were taken over while their holder lived.
    pub takeovers: u64,
    /// Changes upstream.
    pub mutations: u64,
    /// Jumps of the wall clock.
    pub jumps: u64,
    /// Failures of disk or database.
    pub disk_troubles: u64,
    /// What people did.
    pub acts: u64,
    /// Accounts that were added, again or for the first time.
    pub logins: u64,
    /// Requests that were refused (400), so that something began anew.
    pub refusals: u64,
    /// Requests for files and for what they need.
    pub media_requests: u64,
    /// Faults of the upstream, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Lives in which something could not be known and was not compared, by reason.
    pub excuses: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds the counts of another life.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.requests += other.requests;
        self.commits += other.commits;
        self.crashes += other.crashes;
        self.takeovers += other.takeovers;
        self.mutations += other.mutations;
        self.jumps += other.jumps;
        self.disk_troubles += other.disk_troubles;
        self.acts += other.acts;
        self.logins += other.logins;
        self.refusals += other.refusals;
        self.media_requests += other.media_requests;
        for (kind, times) in &other.faults {
            *self.faults.entry(kind).or_default() += times;
        }
        for (reason, times) in &other.excuses {
            *self.excuses.entry(reason).or_default() += times;
        }
    }

    /// Faults of the upstream that struck.
    pub fn faults_struck(&self) -> u64 {
        self.faults.values().sum()
    }
}
