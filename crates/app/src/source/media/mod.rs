//! Bytes of attachments, fetched through one gate (upstream protocol 6).
//!
//! An address is checked once and the checked value is what is asked. Cookies go to LinkedIn alone, never to the hosts
//! that only serve files. What comes back is bytes whose kind was looked at, or a fault that says what has to be done;
//! never an error page that is taken for a picture.

mod address;
mod file_name;
mod gate;
mod meaning;
mod media_type;

pub use address::{MediaAddress, MediaRefused, URL_MAX};
pub use file_name::{FILE_NAME_MAX, content_disposition, safe_file_name};
pub use gate::{MediaBody, MediaFault, MediaGate, MediaLimits, SIZE_MAX, TOTAL_MS};
pub use media_type::MediaType;
