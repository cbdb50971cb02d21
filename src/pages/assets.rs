//! Static files of the pages: style sheets, icons and scripts. Their names change with their content, so
//! that browsers may cache them indefinitely.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

/// Style sheet of the pages that Civitai's users see.
pub(crate) const SITE_STYLE: Asset = Asset::new(
    "site",
    "css",
    "text/css; charset=utf-8",
    include_str!("../../templates/site.css"),
);

/// Script of the copy buttons.
pub(crate) const COPY: Asset = Asset::new(
    "copy",
    "js",
    "text/javascript; charset=utf-8",
    include_str!("../../templates/copy.js"),
);

/// Style sheet of the console.
pub(crate) const CONSOLE_STYLE: Asset = Asset::new(
    "console",
    "css",
    "text/css; charset=utf-8",
    include_str!("../../templates/console.css"),
);

/// Further rules for the style guide.
pub(crate) const STYLEGUIDE_STYLE: Asset = Asset::new(
    "styleguide",
    "css",
    "text/css; charset=utf-8",
    include_str!("../../templates/styleguide.css"),
);

/// Script of the console: each file is a function of its own.
pub(crate) const CONSOLE_SCRIPT: Asset = Asset::new(
    "console",
    "js",
    "text/javascript; charset=utf-8",
    concat!(
        include_str!("../../templates/console.js"),
        include_str!("../../templates/live.js"),
        include_str!("../../templates/requests.js")
    ),
);

/// The mark of the console.
pub(crate) const CONSOLE_ICON: Asset = Asset::new(
    "mark",
    "svg",
    "image/svg+xml",
    include_str!("../../templates/mark.svg"),
);

const ALL: [&Asset; 7] = [
    &SITE_STYLE,
    &ICON,
    &COPY,
    &CONSOLE_STYLE,
    &STYLEGUIDE_STYLE,
    &CONSOLE_SCRIPT,
    &CONSOLE_ICON,
];

/// Without an icon, browsers request `/favicon.ico`; an empty `data:` URL would violate the content security policy.
pub(crate) const ICON: Asset = Asset::new(
    "icon",
    "svg",
    "image/svg+xml",
    include_str!("../../templates/icon.svg"),
);

/// A static file that pages load.
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

    /// Its path, below the prefix of a sandbox.
    pub(crate) fn path(&self) -> String {
        format!("/_mock/assets/{}", self.name())
    }
}

/// FNV-1a. It only distinguishes versions of a file, so it is computed at compile time and needs no security.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// `GET /favicon.ico`, which browsers request for documents without an icon, such as JSON.
pub(crate) async fn favicon() -> Response {
    let headers = [
        (CONTENT_TYPE, CONSOLE_ICON.kind),
        (CACHE_CONTROL, "public, max-age=86400"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, CONSOLE_ICON.text).into_response()
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
