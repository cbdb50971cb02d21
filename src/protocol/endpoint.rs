//! The endpoints: one row each, with paths, methods, CORS, the user that a request acts for, and the difference that
//! added the endpoint. The router, preflights, 405 answers, faults, journal and advice read this table.

use crate::contract::Difference;

/// The properties of one endpoint.
#[derive(Debug)]
pub(crate) struct EndpointSpec {
    /// Its name in faults, the journal and advice.
    pub(crate) endpoint: Endpoint,
    /// The paths in the router's syntax. URLs in answers use the first.
    pub(crate) paths: &'static [&'static str],
    pub(crate) server: CivitaiServer,
    /// The `Allow` header of 405, as Civitai writes it.
    pub(crate) allow: &'static str,
    pub(crate) cors: CorsPolicy,
    pub(crate) user: UserSource,
    /// The difference that added the endpoint, if it did not exist in the recording.
    pub(crate) missing_from_recording: Option<Difference>,
}

/// The server of Civitai that has an endpoint. It determines the format of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CivitaiServer {
    /// OAuth and OpenID Connect.
    Auth,
    /// The REST API of the site.
    Site,
    /// The tRPC procedures of the site. They accept every method.
    Trpc,
    /// Workflows and blobs.
    Orchestrator,
    /// Pages for the user's browser.
    Pages,
}

/// Which pages of other origins may read the answers of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorsPolicy {
    Closed,
    /// Pages of every origin, with these methods.
    AnyOrigin(&'static str),
}

/// Where an endpoint finds the user that a request acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserSource {
    /// A device has no user yet.
    None,
    /// The session cookie, else the `login` setting.
    SessionOrLogin,
    /// The session cookie, else the `token` of the body.
    SessionOrRevokedToken,
    /// The access token after `Bearer`.
    BearerToken,
    /// The access token of the header with any scheme, else of `?token=`, else the session cookie.
    SiteTokenOrSession,
    /// The code or the refresh token of the body.
    Grant,
}

const AUTH: EndpointSpec = EndpointSpec {
    endpoint: Endpoint::Other,
    paths: &[],
    server: CivitaiServer::Auth,
    allow: "POST",
    cors: CorsPolicy::Closed,
    user: UserSource::SessionOrLogin,
    missing_from_recording: None,
};

/// Discovery and keys.
const METADATA: EndpointSpec = EndpointSpec {
    allow: "GET, HEAD",
    ..AUTH
};

const SITE: EndpointSpec = EndpointSpec {
    server: CivitaiServer::Site,
    allow: "GET, OPTIONS",
    cors: CorsPolicy::AnyOrigin("GET"),
    user: UserSource::SiteTokenOrSession,
    ..AUTH
};

const PROCEDURE: EndpointSpec = EndpointSpec {
    server: CivitaiServer::Trpc,
    ..SITE
};

const ORCHESTRATOR: EndpointSpec = EndpointSpec {
    server: CivitaiServer::Orchestrator,
    cors: CorsPolicy::AnyOrigin("GET, POST, PUT, PATCH, DELETE"),
    user: UserSource::BearerToken,
    ..SITE
};

const PAGE: EndpointSpec = EndpointSpec {
    server: CivitaiServer::Pages,
    ..AUTH
};

/// Declares [`Endpoint`] and the row, or the rows, of each.
macro_rules! endpoints {
    ($($(#[$doc:meta])* $endpoint:ident $name:literal { $($row:ident: $spec:expr,)* })*) => {
        string_enum! {
            /// The endpoint of a request. Most are named by the last segment of their path.
            Endpoint, "endpoint", str::to_owned, { $($(#[$doc])* $endpoint $name)* }
        }

        $($(
            pub(crate) static $row: EndpointSpec = EndpointSpec {
                endpoint: Endpoint::$endpoint,
                ..$spec
            };
        )*)*

        /// Every row. Of two rows whose placeholders fit a path, the first counts.
        static ENDPOINTS: &[&EndpointSpec] = &[$($(&$row,)*)*];
    };
}

// In the order of the names.
endpoints! {
    ApiKeyGetSpend "apiKey.getSpend" {
        API_KEY_GET_SPEND: EndpointSpec { paths: &["/api/trpc/apiKey.getSpend"], ..PROCEDURE },
    }
    Authorize "authorize" {
        AUTHORIZE: EndpointSpec {
            paths: &["/api/auth/oauth/authorize", "/api/oauth/authorize", "/v1/oauth/authorize"],
            allow: "GET, POST, HEAD",
            ..AUTH
        },
        CONSENT_PAGE: EndpointSpec { paths: &["/login/oauth/authorize"], ..PAGE },
    }
    /// A picture that a workflow has made.
    Blobs "blobs" {
        BLOBS: EndpointSpec {
            paths: &["/v2/consumer/blobs"],
            allow: "POST, OPTIONS",
            ..ORCHESTRATOR
        },
        BLOB_UPLOAD: EndpointSpec { paths: &["/v2/consumer/blobs/upload"], ..ORCHESTRATOR },
        BLOB: EndpointSpec { paths: &["/v2/consumer/blobs/{id}"], ..ORCHESTRATOR },
        BLOB_REFRESH: EndpointSpec {
            paths: &["/v2/consumer/blobs/{id}/refresh"],
            allow: "POST, OPTIONS",
            ..ORCHESTRATOR
        },
    }
    BuzzGetBuzzAccount "buzz.getBuzzAccount" {
        BUZZ_GET_BUZZ_ACCOUNT: EndpointSpec { paths: &["/api/trpc/buzz.getBuzzAccount"], ..PROCEDURE },
    }
    BuzzGetUserAccount "buzz.getUserAccount" {
        BUZZ_GET_USER_ACCOUNT: EndpointSpec { paths: &["/api/trpc/buzz.getUserAccount"], ..PROCEDURE },
    }
    /// Where a device starts (RFC 8628 §3.1), and the page where its user code is entered.
    Device "device" {
        DEVICE: EndpointSpec {
            paths: &["/api/auth/oauth/device"],
            allow: "POST, OPTIONS",
            cors: CorsPolicy::AnyOrigin("POST"),
            user: UserSource::None,
            ..AUTH
        },
        DEVICE_PAGE: EndpointSpec { paths: &["/login/oauth/device"], ..PAGE },
    }
    DeviceApprove "device-approve" {
        DEVICE_APPROVE: EndpointSpec { paths: &["/api/auth/oauth/device-approve"], ..AUTH },
    }
    DeviceDeny "device-deny" {
        DEVICE_DENY: EndpointSpec {
            paths: &["/api/auth/oauth/device-deny"],
            missing_from_recording: Some(Difference::DeviceDeny),
            ..AUTH
        },
    }
    DeviceInfo "device-info" {
        DEVICE_INFO: EndpointSpec { paths: &["/api/auth/oauth/device-info"], ..AUTH },
    }
    /// Where a device polls (RFC 8628 §3.4).
    DeviceToken "device-token" {
        DEVICE_TOKEN: EndpointSpec {
            paths: &["/api/auth/oauth/device-token"],
            allow: "POST, OPTIONS",
            cors: CorsPolicy::AnyOrigin("POST"),
            user: UserSource::Grant,
            ..AUTH
        },
    }
    /// The page at `/`.
    Home "home" {
        HOME: EndpointSpec { paths: &["/"], ..PAGE },
    }
    /// What a token stands for (RFC 7662).
    Introspect "introspect" {
        INTROSPECT: EndpointSpec {
            paths: &["/api/auth/oauth/introspect"],
            missing_from_recording: Some(Difference::Introspection),
            ..AUTH
        },
    }
    Jwks "jwks" {
        JWKS: EndpointSpec { paths: &["/api/auth/jwks"], ..METADATA },
    }
    JwksJson "jwks.json" {
        JWKS_JSON: EndpointSpec { paths: &["/.well-known/jwks.json"], ..METADATA },
    }
    Login "login" {
        LOGIN: EndpointSpec { paths: &["/login"], ..PAGE },
    }
    Logout "logout" {
        LOGOUT: EndpointSpec { paths: &["/logout"], ..PAGE },
    }
    /// `/api/v1/me`.
    Me "me" {
        ME: EndpointSpec { paths: &["/api/v1/me"], ..SITE },
    }
    OpenidConfiguration "openid-configuration" {
        OPENID_CONFIGURATION: EndpointSpec { paths: &["/.well-known/openid-configuration"], ..METADATA },
    }
    /// Every other path.
    Other "other" {
        PROCEDURES: EndpointSpec { paths: &["/api/trpc/{procedures}"], ..PROCEDURE },
    }
    Revoke "revoke" {
        REVOKE: EndpointSpec {
            paths: &["/api/auth/oauth/revoke"],
            allow: "POST, OPTIONS",
            cors: CorsPolicy::AnyOrigin("POST"),
            user: UserSource::SessionOrRevokedToken,
            ..AUTH
        },
    }
    Token "token" {
        TOKEN: EndpointSpec {
            paths: &["/api/auth/oauth/token", "/api/oauth/token", "/v1/oauth/token"],
            allow: "POST, OPTIONS",
            cors: CorsPolicy::AnyOrigin("POST"),
            user: UserSource::Grant,
            ..AUTH
        },
    }
    Userinfo "userinfo" {
        USERINFO: EndpointSpec {
            paths: &["/api/auth/oauth/userinfo"],
            allow: "GET, OPTIONS, HEAD",
            cors: CorsPolicy::AnyOrigin("GET"),
            user: UserSource::BearerToken,
            ..AUTH
        },
    }
    /// Workflows are submitted, listed, asked for by id, changed or deleted.
    Workflows "workflows" {
        WORKFLOWS: EndpointSpec {
            paths: &["/v2/consumer/workflows"],
            allow: "GET, POST, OPTIONS",
            ..ORCHESTRATOR
        },
        WORKFLOW: EndpointSpec {
            paths: &["/v2/consumer/workflows/{id}"],
            allow: "GET, PUT, PATCH, DELETE, OPTIONS",
            ..ORCHESTRATOR
        },
    }
}

/// The path without its trailing slash, if Civitai's framework redirects from the one to the other.
pub(crate) fn without_slash(path: &str) -> Option<&str> {
    let without = path.strip_suffix('/')?;
    ["/api/auth/", "/login", "/.well-known/"]
        .iter()
        .any(|prefix| without.starts_with(prefix))
        .then_some(without)
}

/// The prefix of the tRPC procedures.
const TRPC: &str = "/api/trpc/";

/// The paths of all endpoints, with placeholders.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    ENDPOINTS.iter().flat_map(|spec| spec.paths).copied()
}

impl EndpointSpec {
    /// The row of a path. A path with a trailing slash has the row that it is redirected to, and a tRPC batch that of its
    /// first call.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        let path = without_slash(path).unwrap_or(path);
        let path = match path.split_once(',') {
            Some((first, _)) if first.len() > TRPC.len() && first.starts_with(TRPC) => first,
            _ => path,
        };
        // A path without a placeholder takes precedence, as in the router.
        let mut all = ENDPOINTS.iter().copied();
        let exact = all.find(|spec| spec.paths.contains(&path));
        exact.or_else(|| {
            let mut all = ENDPOINTS.iter().copied();
            all.find(|spec| spec.paths.iter().any(|pattern| matches(pattern, path)))
        })
    }

    /// The CORS policy of a row that [`EndpointSpec::find`] returned. What is no endpoint is closed.
    pub(crate) fn cors_policy(spec: Option<&Self>) -> CorsPolicy {
        spec.map_or(CorsPolicy::Closed, |spec| spec.cors)
    }

    /// The path that URLs in answers use.
    pub(crate) fn path(&self) -> &'static str {
        self.paths.first().copied().unwrap_or_default()
    }
}

/// Whether a path fits a pattern with a placeholder for one segment, such as `/v2/consumer/blobs/{id}/refresh`. As in the
/// router, the segment may be empty unless it is the last.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else {
        return false;
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    let id = path.strip_prefix(before);
    let id = id.and_then(|id| id.strip_suffix(after));
    id.is_some_and(|id| !(id.contains('/') || id.is_empty() && after.is_empty()))
}

impl Endpoint {
    fn rows(self) -> impl Iterator<Item = &'static EndpointSpec> {
        let all = ENDPOINTS.iter().copied();
        all.filter(move |spec| spec.endpoint == self)
    }

    /// Whether its requests have a `grant_type`.
    pub(crate) fn reads_grant_type(self) -> bool {
        self.rows().any(|spec| spec.user == UserSource::Grant)
    }

    /// Whether apps call it with an access token after sign-in.
    pub(crate) fn is_api(self) -> bool {
        let apis = [
            CivitaiServer::Site,
            CivitaiServer::Trpc,
            CivitaiServer::Orchestrator,
        ];
        self != Self::Other && self.rows().any(|spec| apis.contains(&spec.server))
    }

    /// Whether only browsers of users call it.
    pub(crate) fn is_page(self) -> bool {
        self != Self::Other && self.rows().all(|spec| spec.server == CivitaiServer::Pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &str) -> Endpoint {
        EndpointSpec::find(path).map_or(Endpoint::Other, |spec| spec.endpoint)
    }

    #[test]
    fn names_are_sorted() {
        assert!(Endpoint::ALL.is_sorted_by_key(|endpoint| endpoint.name()));
    }

    #[test]
    fn every_path_has_the_row_that_it_is_written_in() {
        for spec in ENDPOINTS {
            for path in spec.paths {
                assert_eq!(endpoint(path), spec.endpoint, "{path}");
            }
        }
        assert_eq!(BLOB_UPLOAD.path(), "/v2/consumer/blobs/upload");
        let found = EndpointSpec::find(BLOB_UPLOAD.path()).unwrap();
        assert!(std::ptr::eq(found, &raw const BLOB_UPLOAD));
    }

    #[test]
    fn a_path_leads_to_an_endpoint() {
        for (path, expected) in [
            ("/login/", Endpoint::Login),
            ("/nowhere", Endpoint::Other),
            ("/api/auth/oauth/token/", Endpoint::Token),
            ("/v2/consumer/workflows/", Endpoint::Other),
            ("/oauth/token", Endpoint::Other),
            ("/user/account/connected/conf/revoke", Endpoint::Other),
            ("/api/trpc/token", Endpoint::Other),
            ("/v2/consumer/workflows/token", Endpoint::Workflows),
            ("/v2/consumer/blobs/blob_1-0", Endpoint::Blobs),
            ("/v2/consumer/blobs/blob_1-0/refresh", Endpoint::Blobs),
            ("/v2/consumer/blobs/blob_1-0/delete", Endpoint::Other),
            (
                "/api/trpc/apiKey.getSpend,buzz.getBuzzAccount",
                Endpoint::ApiKeyGetSpend,
            ),
        ] {
            assert_eq!(endpoint(path), expected, "{path}");
        }
    }
}
