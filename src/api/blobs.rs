//! `/v2/consumer/blobs`: the images of workflows, and uploads.
//!
//! Neither the result of a workflow nor the bytes of an upload are stored: each blob is a tiny image whose color
//! depends on its ID. Upload URLs and the IDs of uploaded blobs are authenticated with the sandbox's key, so that they
//! need no storage either.

use axum::Json;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::orchestrator::{READ, WRITE, authenticate};
use super::orchestrator_error::OrchestratorError;
use super::picture;
use super::submission::require_body;
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::model::workflow::WorkflowStatus;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::protocol::time::Timestamp;

/// How long an upload URL is valid. Civitai does not document its own value.
const UPLOAD_SECONDS: u32 = 3600;

/// `GET /v2/consumer/blobs/{id}`. The URL is the only credential.
pub(crate) async fn get(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    find(&context, &id)
        .filter(|blob| blob.is_available)
        .ok_or(OrchestratorError::NotFound)?;
    Ok(([(CONTENT_TYPE, "image/png")], picture::tiny(&id)))
}

/// `GET /v2/consumer/blobs/upload`: a URL for an upload without a token, for example from a browser.
pub(crate) async fn upload_url(
    context: RequestContext,
) -> Result<impl IntoResponse, OrchestratorError> {
    authenticate(&context, &WRITE)?;
    let expires_at = context.sandbox.now().plus_seconds(UPLOAD_SECONDS);
    let mac = mac(&context, &format!("upload {}", expires_at.0));
    let signature = format!("{}-{}", expires_at.0, mac.reveal());
    let url = format!("{}/v2/consumer/blobs?sig={signature}", context.base);
    Ok(Json(json!({ "uploadUrl": url, "expiresAt": expires_at })))
}

/// `POST /v2/consumer/blobs`, with a token or an upload URL.
pub(crate) async fn upload(
    context: RequestContext,
    uri: Uri,
) -> Result<impl IntoResponse, OrchestratorError> {
    let query = Params::from_urlencoded(uri.query().unwrap_or_default().as_bytes());
    match query.text("sig") {
        Some(signature) if is_valid(&context, signature) => {}
        Some(_) => return Err(OrchestratorError::Unauthorized),
        None => {
            authenticate(&context, &WRITE)?;
        }
    }
    let kind = media_kind(&context)?;
    require_body(context.body())?;
    let name = context.sandbox.entropy.uuid();
    let mac = mac(&context, &format!("{kind} {name}"));
    let id = format!("{UPLOAD}{kind}_{name}_{}", mac.reveal());
    let blob = describe(&context.base, &id, kind, true);
    Ok((StatusCode::CREATED, Json(blob)))
}

/// `POST /v2/consumer/blobs/{id}/refresh`. The URLs of this server do not expire, so the blob keeps its URL.
pub(crate) async fn refresh(
    context: RequestContext,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, OrchestratorError> {
    let (user, app) = authenticate(&context, &READ)?;
    let blob = find(&context, &id).ok_or(OrchestratorError::NotFound)?;
    let caller = (user.id, app.client);
    if blob.owner.is_some_and(|owner| owner != caller) {
        return Err(OrchestratorError::NotFound);
    }
    let blob = describe(&context.base, &id, blob.kind, blob.is_available);
    Ok(Json(blob))
}

fn describe(base: &BaseUrl, id: &str, kind: &str, is_available: bool) -> Value {
    json!({ "type": kind, "id": id, "available": is_available, "url": url(base, id) })
}

/// The media type of an upload, from its `Content-Type`.
fn media_kind(context: &RequestContext) -> Result<&'static str, OrchestratorError> {
    let given = context.header(&CONTENT_TYPE).unwrap_or_default();
    let kind = given
        .split('/')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let known = KINDS.into_iter().find(|known| *known == kind);
    known.ok_or_else(|| {
        let detail = format!("Content-Type {given:?} is none of image/*, video/* and audio/*.");
        OrchestratorError::UnsupportedMediaType(detail)
    })
}

const KINDS: [&str; 3] = ["image", "video", "audio"];

/// Prefixes of the IDs of workflows, of their images, and of uploads.
const WORKFLOW: &str = "wf_";
const BLOB: &str = "blob_";
const UPLOAD: &str = "upload_";

pub(super) fn url(base: &BaseUrl, id: &str) -> String {
    format!("{base}/v2/consumer/blobs/{id}")
}

/// The ID of the image that a step makes.
pub(super) fn id_of_step(workflow: &str, step: usize) -> String {
    format!("{BLOB}{}_{step}", workflow.trim_start_matches(WORKFLOW))
}

/// A blob that exists.
struct Blob {
    kind: &'static str,
    is_available: bool,
    /// The user and the client of its workflow; None for an upload.
    owner: Option<(UserId, ClientId)>,
}

fn find(context: &RequestContext, id: &str) -> Option<Blob> {
    if let Some(rest) = id.strip_prefix(UPLOAD) {
        let mut parts = rest.splitn(3, '_');
        let (kind, name, given) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let is_ours = mac(context, &format!("{kind} {name}")) == Secret::from(given);
        return is_ours.then_some(Blob {
            kind,
            is_available: true,
            owner: None,
        });
    }
    let (workflow, step) = id.strip_prefix(BLOB)?.rsplit_once('_')?;
    let step: usize = step.parse().ok()?;
    let sandbox = &context.sandbox;
    let workflow = sandbox
        .data()
        .find_workflow(&format!("{WORKFLOW}{workflow}"))?;
    let is_available = workflow.status(sandbox.now()) == WorkflowStatus::Succeeded;
    (step < workflow.steps.len()).then_some(Blob {
        kind: "image",
        is_available,
        owner: Some((workflow.user_id, workflow.client_id)),
    })
}

/// Authenticates a text of this sandbox.
fn mac(context: &RequestContext, text: &str) -> Secret {
    let sandbox = &context.sandbox;
    sandbox.key.mac(&format!("{} {text}", sandbox.name()))
}

/// Whether the signature of an upload URL is valid now.
fn is_valid(context: &RequestContext, signature: &str) -> bool {
    let Some((expires_at, given)) = signature.rsplit_once('-') else {
        return false;
    };
    let is_ours = mac(context, &format!("upload {expires_at}")) == Secret::from(given);
    let expires_at = expires_at.parse().map(Timestamp);
    is_ours && expires_at.is_ok_and(|expires_at| context.sandbox.now() < expires_at)
}
