//! The hosts that hand out files: photos and files of messages, pictures of people, GIFs (upstream protocol 6).
//!
//! Every byte follows from the name of an upload, so that anybody can compute what a client has to hold. Nothing here
//! knows a socket, and no file of anybody's is ever read.

mod answer;
mod boxes;
mod bytes;
pub mod catalog;
mod images;
mod report;

pub use answer::{Hall, answer, expired};
pub use bytes::bytes_of;
pub use catalog::{Catalog, Host, Upload};
pub use report::{Wanted, bare_asset, report};
