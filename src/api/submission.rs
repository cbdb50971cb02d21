//! The body of a workflow, as far as billing needs it.
//!
//! `cost` is ours: the cost of the workflow, as a number or `{"total"}`, since this server knows no prices.
//! `currencies` and `allowMatureContent` determine which accounts may pay, as documented on developer.civitai.com. A
//! body without steps counts as one image.

use serde_json::Value;

use crate::http::body::MAX_BODY_BYTES;
use crate::model::account::Currency;
use crate::model::workflow::WorkflowStep;
use crate::protocol::json::{MAX_JSON_VALUES, has_too_many_values, whole};

/// Maximum number of steps of a workflow, and maximum bytes of their types and names together. Civitai documents
/// neither.
const MAX_STEPS: usize = 100;
const MAX_STEP_BYTES: usize = 8 * 1024;

/// Maximum bytes of a workflow's tags and metadata together, as JSON. Civitai documents no limit.
pub(super) const MAX_LABEL_BYTES: usize = 8 * 1024;

/// A workflow that can be quoted and paid.
#[derive(Debug)]
pub(super) struct Submission {
    /// None if the body has no cost.
    pub(super) cost: Option<u64>,
    pub(super) may_pay: Vec<Currency>,
    pub(super) steps: Vec<WorkflowStep>,
    pub(super) tags: Vec<String>,
    /// A JSON object, as text.
    pub(super) metadata: String,
}

/// A body or a query that is invalid.
#[derive(Debug)]
pub(crate) struct InvalidInput {
    /// The path of the invalid value.
    pub(super) path: String,
    pub(super) message: String,
}

impl InvalidInput {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl Submission {
    pub(super) fn parse(body: &[u8]) -> Result<Self, InvalidInput> {
        let body = json_body(body)?;
        if !body.is_object() {
            return Err(InvalidInput::new("$", "The body is not a JSON object."));
        }
        let (tags, metadata) = (tags(&body["tags"])?, metadata(&body["metadata"])?);
        check_labels(&tags, &metadata)?;
        Ok(Self {
            cost: cost(&body["cost"])?,
            may_pay: may_pay(&body)?,
            steps: steps(&body["steps"])?,
            tags,
            metadata,
        })
    }
}

pub(super) fn json_body(body: &[u8]) -> Result<Value, InvalidInput> {
    if has_too_many_values(body) {
        let message = format!("The body has more than {MAX_JSON_VALUES} values.");
        return Err(InvalidInput::new("$", message));
    }
    serde_json::from_slice(require_body(body)?)
        .map_err(|error| InvalidInput::new("$", format!("The body is not JSON: {error}.")))
}

/// The body. Errors: it is empty or was too long.
pub(super) fn require_body(body: &[u8]) -> Result<&[u8], InvalidInput> {
    if body.is_empty() {
        let longest = MAX_BODY_BYTES / 1024;
        let message = format!("There is no body, or it is longer than {longest} KiB.");
        return Err(InvalidInput::new("$", message));
    }
    Ok(body)
}

/// Absent means none.
pub(super) fn tags(given: &Value) -> Result<Vec<String>, InvalidInput> {
    let wrong = || InvalidInput::new("tags", "The tags are not a list of texts.");
    match given {
        Value::Null => Ok(Vec::new()),
        Value::Array(tags) => {
            let read = |tag: &Value| tag.as_str().map(str::to_owned).ok_or_else(wrong);
            tags.iter().map(read).collect()
        }
        _ => Err(wrong()),
    }
}

/// The text of a JSON object. Absent means an empty object.
pub(super) fn metadata(given: &Value) -> Result<String, InvalidInput> {
    match given {
        Value::Null => Ok("{}".to_owned()),
        Value::Object(_) => Ok(given.to_string()),
        _ => Err(InvalidInput::new(
            "metadata",
            "The metadata is not an object.",
        )),
    }
}

pub(super) fn check_labels(tags: &[String], metadata: &str) -> Result<(), InvalidInput> {
    // As JSON, each tag also has quotes and a comma.
    let tags: usize = tags.iter().map(|tag| tag.len() + 3).sum();
    let bytes = tags + metadata.len();
    if bytes > MAX_LABEL_BYTES {
        let message = format!(
            "The tags and the metadata have {bytes} bytes as JSON: at most {MAX_LABEL_BYTES} are stored."
        );
        return Err(InvalidInput::new("metadata", message));
    }
    Ok(())
}

/// A boolean query parameter. Absent means false.
pub(super) fn flag(name: &str, text: Option<&str>) -> Result<bool, InvalidInput> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(invalid_value(name, other)),
    }
}

/// The error of ASP.NET for an invalid query parameter.
pub(super) fn invalid_value(name: &str, text: &str) -> InvalidInput {
    InvalidInput::new(name, format!("The value '{text}' is not valid for {name}."))
}

fn cost(hint: &Value) -> Result<Option<u64>, InvalidInput> {
    let amount = match hint {
        Value::Null => return Ok(None),
        Value::Object(parts) => parts.get("total").unwrap_or(&Value::Null),
        amount => amount,
    };
    let amount = whole(amount).ok_or_else(|| {
        let message = format!("The value '{hint}' is not valid for cost: a whole number of buzz.");
        InvalidInput::new("cost", message)
    })?;
    Ok(Some(amount))
}

fn may_pay(body: &Value) -> Result<Vec<Currency>, InvalidInput> {
    let wrong = |path: String, value: &Value| {
        let message = format!("The value '{value}' is not valid: blue, green or yellow.");
        InvalidInput::new(path, message)
    };
    let named = match &body["currencies"] {
        Value::Null => Currency::PAYING.to_vec(),
        Value::Array(names) if names.is_empty() => Currency::PAYING.to_vec(),
        Value::Array(names) => {
            let read = |(at, name): (usize, &Value)| {
                let currency = name.as_str().and_then(Currency::named);
                currency.ok_or_else(|| wrong(format!("currencies[{at}]"), name))
            };
            names
                .iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?
        }
        other => return Err(wrong("currencies".to_owned(), other)),
    };
    // Only yellow buzz pays for mature content.
    let is_mature = body["allowMatureContent"] == Value::Bool(true);
    let pays = |currency: &Currency| !is_mature || *currency == Currency::Yellow;
    Ok(named.into_iter().filter(pays).collect())
}

fn steps(given: &Value) -> Result<Vec<WorkflowStep>, InvalidInput> {
    let none = Vec::new();
    let given = match given {
        Value::Null => &none,
        Value::Array(steps) => steps,
        _ => return Err(InvalidInput::new("steps", "The steps are not a list.")),
    };
    if given.len() > MAX_STEPS {
        let message = format!("{} steps: a workflow has at most {MAX_STEPS}.", given.len());
        return Err(InvalidInput::new("steps", message));
    }
    let read = |(at, step): (usize, &Value)| {
        if !step.is_object() {
            let message = "The step is not an object.";
            return Err(InvalidInput::new(format!("steps[{at}]"), message));
        }
        let text = |key: &str| step[key].as_str().filter(|text| !text.is_empty());
        Ok(WorkflowStep {
            kind: text("$type").unwrap_or(PICTURE).to_owned(),
            name: text("name").map_or_else(|| at.to_string(), str::to_owned),
        })
    };
    let steps: Vec<WorkflowStep> = given
        .iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()?;
    let bytes: usize = steps
        .iter()
        .map(|step| step.kind.len() + step.name.len())
        .sum();
    if bytes > MAX_STEP_BYTES {
        let message = format!(
            "The types and names of the steps have {bytes} bytes: at most {MAX_STEP_BYTES} are stored."
        );
        return Err(InvalidInput::new("steps", message));
    }
    Ok(if steps.is_empty() {
        vec![WorkflowStep {
            kind: PICTURE.to_owned(),
            name: "0".to_owned(),
        }]
    } else {
        steps
    })
}

/// The type of a step that makes an image.
const PICTURE: &str = "imageGen";
