//! Changes of a workflow: the body of `PUT`, and the JSON Patch (RFC 6902) of `PATCH`.
//!
//! `status` may become `canceled`; `tags` and `metadata` may have any value. `allowMatureContent` and other keys have
//! no effect: nothing here is mature.

use json_patch::{Patch, PatchOperation};
use serde_json::{Value, json};

use super::submission::{InvalidInput, check_labels, json_body, metadata, tags};
use crate::model::workflow::{Workflow, WorkflowChange, WorkflowStatus};

/// Maximum bytes of a patch. It also bounds how deep a patch can nest the metadata: serializing takes stack per level.
const MAX_PATCH_BYTES: usize = 16 * 1024;

/// The change that the body of a `PUT` describes; also that of a `PATCH` whose body is such an object.
pub(super) fn from_update(
    body: &Value,
    workflow: &Workflow,
) -> Result<WorkflowChange, InvalidInput> {
    if !body.is_object() {
        return Err(InvalidInput::new("$", "The body is not a JSON object."));
    }
    let cancels = match &body["status"] {
        Value::Null => false,
        status if status == WorkflowStatus::Canceled.name() => true,
        other => {
            let message =
                format!("The value '{other}' is not valid: a status can only become canceled.");
            return Err(InvalidInput::new("status", message));
        }
    };
    let given = |key: &str| Some(&body[key]).filter(|value| !value.is_null());
    let change = WorkflowChange {
        cancels,
        tags: given("tags").map(tags).transpose()?,
        metadata: given("metadata").map(metadata).transpose()?,
    };
    check_labels(
        change.tags.as_ref().unwrap_or(&workflow.tags),
        change.metadata.as_ref().unwrap_or(&workflow.metadata),
    )?;
    Ok(change)
}

/// The change that the body of a `PATCH` describes.
pub(super) fn from_patch(
    body: &[u8],
    workflow: &Workflow,
    status: WorkflowStatus,
) -> Result<WorkflowChange, InvalidInput> {
    let parsed = json_body(body)?;
    if !parsed.is_array() {
        return from_update(&parsed, workflow);
    }
    let invalid =
        |reason: String| InvalidInput::new("$", format!("The patch cannot be applied: {reason}."));
    if body.len() > MAX_PATCH_BYTES {
        let bytes = body.len();
        return Err(invalid(format!(
            "it has {bytes} bytes, at most {MAX_PATCH_BYTES}"
        )));
    }
    let patch: Patch =
        serde_json::from_value(parsed).map_err(|error| invalid(error.to_string()))?;
    // A few copies of copies would fill any memory.
    if patch
        .0
        .iter()
        .any(|one| matches!(one, PatchOperation::Copy(_)))
    {
        return Err(invalid("this server does not support copy".to_owned()));
    }
    let mut document = json!({
        "status": status.name(),
        "tags": workflow.tags,
        "metadata": parsed_metadata(workflow),
    });
    json_patch::patch(&mut document, &patch).map_err(|error| invalid(error.to_string()))?;
    if document["status"] == status.name() {
        document["status"] = Value::Null;
    }
    // Removed values become empty.
    let object = document
        .as_object_mut()
        .ok_or_else(|| invalid("no object is left".to_owned()))?;
    object.entry("tags").or_insert_with(|| json!([]));
    object.entry("metadata").or_insert_with(|| json!({}));
    let change = from_update(&document, workflow)?;
    let metadata = change.metadata.as_deref().unwrap_or_default();
    // Several operations together can nest deeper than the parser permits.
    serde_json::from_str::<Value>(metadata).map_err(|error| invalid(error.to_string()))?;
    Ok(change)
}

/// The metadata as JSON.
pub(super) fn parsed_metadata(workflow: &Workflow) -> Value {
    serde_json::from_str(&workflow.metadata).unwrap_or_default()
}
