//! The style, the script and the icon: within the program, under names that change with their content.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::Fault;

/// Bytes of the hash in a name.
const HASH_BYTES: usize = 8;
/// A file of this name never changes.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file with the address that it has for as long as it is the same.
struct Asset {
    address: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

struct Assets {
    style: Asset,
    script: Asset,
    icon: Asset,
}

fn all() -> &'static Assets {
    static ALL: OnceLock<Assets> = OnceLock::new();
    ALL.get_or_init(|| Assets {
        style: asset("style", "css", "text/css; charset=utf-8", include_bytes!("../../assets/viewer.css")),
        script: asset("viewer", "js", "text/javascript; charset=utf-8", include_bytes!("../../assets/viewer.js")),
        icon: asset("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    })
}

fn asset(name: &str, ending: &str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let digest = Sha256::digest(bytes);
    let hash: String = digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    Asset { address: format!("/ui/assets/{name}-{hash}.{ending}"), media_type, bytes }
}

/// Where the style is.
pub(super) fn style() -> &'static str {
    &all().style.address
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &all().script.address
}

/// Where the icon is.
pub(super) fn icon() -> &'static str {
    &all().icon.address
}

/// One of them, to anybody: there is nothing in them of anybody.
pub(super) async fn one(Path(name): Path<String>) -> Result<Response, Fault> {
    let Assets { style, script, icon } = all();
    let wanted = [style, script, icon].into_iter().find(|one| one.address.strip_prefix("/ui/assets/") == Some(&name));
    let Asset { media_type, bytes, .. } = wanted.ok_or(Fault::NoRoute)?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type)), (header::CACHE_CONTROL, CACHING)];
    Ok((headers, *bytes).into_response())
}
