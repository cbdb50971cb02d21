//! The query of `GET /v2/consumer/workflows`. Source of the names: `QueryWorkflowsData` of `@civitai/client`.

use url::form_urlencoded;

use super::submission::{InvalidInput, flag, invalid_value};
use crate::model::workflow::{WorkflowPosition, WorkflowQuery};
use crate::protocol::time::Timestamp;

/// Default number of workflows per page. Civitai does not document its own value.
const DEFAULT_TAKE: usize = 100;

pub(super) fn parse(query: &str) -> Result<WorkflowQuery, InvalidInput> {
    let mut parsed = WorkflowQuery {
        after: None,
        take: DEFAULT_TAKE,
        is_ascending: false,
        excludes_failed: false,
        tags: Vec::new(),
        text: None,
        from: None,
        to: None,
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let invalid = || invalid_value(&name, &value);
        if value.is_empty() {
            continue;
        }
        match &*name {
            "cursor" => parsed.after = Some(position(&value).ok_or_else(invalid)?),
            "take" => {
                let take = value.parse().ok().filter(|take| *take > 0);
                parsed.take = take.ok_or_else(invalid)?;
            }
            "tags" => parsed.tags.push(value.into_owned()),
            "query" => parsed.text = Some(value.into_owned()),
            "ascending" => parsed.is_ascending = flag(&name, Some(&value))?,
            "excludeFailed" => parsed.excludes_failed = flag(&name, Some(&value))?,
            "fromDate" => parsed.from = Some(moment(&value).ok_or_else(invalid)?),
            "toDate" => parsed.to = Some(moment(&value).ok_or_else(invalid)?),
            // `hideMatureContent`: nothing here is mature.
            _ => {}
        }
    }
    Ok(parsed)
}

/// Formats a cursor.
pub(super) fn cursor((at, id): &WorkflowPosition) -> String {
    format!("{}-{id}", at.0)
}

fn position(cursor: &str) -> Option<WorkflowPosition> {
    let (at, id) = cursor.rsplit_once('-')?;
    Some((Timestamp(at.parse().ok()?), id.to_owned()))
}

/// A date, or a date with a time; UTC unless it has an offset.
fn moment(text: &str) -> Option<Timestamp> {
    let candidates = [
        text.to_owned(),
        format!("{text}Z"),
        format!("{text}T00:00:00Z"),
    ];
    let mut parsed = candidates.iter().map(|text| text.parse::<Timestamp>().ok());
    parsed.find_map(|timestamp| timestamp)
}
