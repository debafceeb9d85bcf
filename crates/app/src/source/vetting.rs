//! Names become addresses here, once, and only addresses of the public internet come out.
//!
//! The client connects to what this gave it and never looks up again, which closes the gap between checking a name and
//! connecting to it. A name may never lead into the machine's own network, except the one that the operator configured
//! for a simulator, which may lead to this machine alone.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::public_address::is_public;

/// Most addresses of one name that are looked at; a name with more is refused.
pub const ADDRESSES_MAX: usize = 64;

/// Looks up the addresses of a name.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All addresses of a name.
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.take(ADDRESSES_MAX + 1).map(|address| address.ip()).collect())
    }
}

/// A name led to an address that is not of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub struct NotPublic;

/// The resolver of a client that connects to vetted addresses only.
pub struct Vetting {
    lookup: Arc<dyn Lookup>,
    /// Names that the operator configured; they lead to this machine or nowhere.
    local_names: Vec<String>,
}

impl Vetting {
    /// A resolver that asks this lookup.
    pub fn new(lookup: Arc<dyn Lookup>, local_names: Vec<String>) -> Self {
        Self { lookup, local_names }
    }
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup.clone();
        let is_local = self.local_names.iter().any(|local| local == name.as_str());
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await?;
            Ok(vetted(found, is_local)?)
        })
    }
}

/// All addresses, when every one of them may be connected to. The port is the client's to fill in.
fn vetted(found: Vec<IpAddr>, is_local: bool) -> Result<Addrs, NotPublic> {
    let may_be_asked = |address: &IpAddr| match is_local {
        true => address.to_canonical().is_loopback(),
        false => is_public(*address),
    };
    match found.len() <= ADDRESSES_MAX && found.iter().all(may_be_asked) {
        true => Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)))),
        false => Err(NotPublic),
    }
}
