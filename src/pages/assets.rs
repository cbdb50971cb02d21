//! What do the pages load? A style sheet, an icon, two small scripts, under names that change with their content, so that
//! browsers may keep them for good.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

pub(crate) const STYLE: Asset = Asset::new(
    "style",
    "css",
    "text/css; charset=utf-8",
    concat!(
        include_str!("../../templates/style.css"),
        include_str!("../../templates/workshop.css")
    ),
);

/// The buttons that copy what stands beside them.
pub(crate) const COPY: Asset = Asset::new(
    "copy",
    "js",
    "text/javascript; charset=utf-8",
    include_str!("../../templates/copy.js"),
);

/// The dashboard as it happens.
pub(crate) const LIVE: Asset = Asset::new(
    "live",
    "js",
    "text/javascript; charset=utf-8",
    concat!(
        include_str!("../../templates/copy.js"),
        include_str!("../../templates/live.js")
    ),
);

const ALL: [&Asset; 4] = [&STYLE, &ICON, &COPY, &LIVE];

/// Without one, browsers ask for `/favicon.ico`, and an empty `data:` URL is against the pages' own policy.
pub(crate) const ICON: Asset = Asset::new(
    "icon",
    "svg",
    "image/svg+xml",
    include_str!("../../templates/icon.svg"),
);

/// One file that pages load.
pub(crate) struct Asset {
    stem: &'static str,
    extension: &'static str,
    kind: &'static str,
    text: &'static str,
    fingerprint: u64,
}

impl Asset {
    const fn new(
        stem: &'static str,
        extension: &'static str,
        kind: &'static str,
        text: &'static str,
    ) -> Self {
        Self {
            stem,
            extension,
            kind,
            text,
            fingerprint: fingerprint(text.as_bytes()),
        }
    }

    fn name(&self) -> String {
        format!("{}-{:016x}.{}", self.stem, self.fingerprint, self.extension)
    }

    /// Where it is, below a sandbox's prefix.
    pub(crate) fn path(&self) -> String {
        format!("/_mock/assets/{}", self.name())
    }
}

/// FNV-1a: it tells versions of a file apart and guards nothing, so it is computed when the server is built.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// `GET /_mock/assets/{name}`.
pub(crate) async fn get(Path(name): Path<String>) -> Response {
    let Some(asset) = ALL.into_iter().find(|asset| asset.name() == name) else {
        return (StatusCode::NOT_FOUND, "no such asset").into_response();
    };
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.text).into_response()
}
