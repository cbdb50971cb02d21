//! The search of the request list, as a query string and as a query of the journal.

use serde_json::{Map, Value};

use crate::control::{JournalPageQuery, KindFilter};
use crate::invalid::{self, Invalid};
use crate::protocol::endpoint::Endpoint;

/// The search, as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct SearchForm {
    pub(crate) kind: KindFilter,
    pub(crate) text: String,
    pub(crate) endpoint: String,
    /// A status such as `400`, or a class such as `4xx`.
    pub(crate) status: String,
    pub(crate) client_id: String,
    pub(crate) user: String,
    pub(crate) error: String,
    before: String,
    /// The request that the detail shows.
    pub(crate) request: Option<u64>,
    /// The newest request that the page has shown.
    pub(crate) after: Option<u64>,
    /// The newest change that the page has shown.
    pub(crate) after_change: u64,
    /// The request whose page loads are shown below it.
    pub(crate) open: Option<u64>,
    /// Whether the page has no list.
    pub(crate) has_no_list: bool,
    /// Whether the detail shows secrets.
    pub(crate) shows_secrets: bool,
}

/// The statuses of the selection.
const STATUSES: [(&str, &str); 5] = [
    ("2xx", "2xx answered"),
    ("3xx", "3xx redirected"),
    ("4xx", "4xx refused"),
    ("5xx", "5xx failed"),
    ("0", "connection cut"),
];

impl KindFilter {
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::App => "",
            Self::All => "all",
        }
    }
}

impl SearchForm {
    pub(crate) fn parse(query: &str) -> Self {
        let mut search = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "show" => {
                    search.kind = match &*value {
                        "refused" => KindFilter::Refused,
                        "all" => KindFilter::All,
                        _ => KindFilter::App,
                    }
                }
                "q" => search.text = value,
                "endpoint" => search.endpoint = value,
                "status" => search.status = value,
                "client_id" | "client" => search.client_id = value,
                "user" => search.user = value,
                "error" => search.error = value,
                "before" => search.before = value,
                "request" => search.request = value.parse().ok(),
                "after" => search.after = value.parse().ok(),
                "change" => search.after_change = value.parse().unwrap_or_default(),
                "open" => search.open = value.parse().ok(),
                "secrets" => search.shows_secrets = value == "show",
                "list" => search.has_no_list = value == "none",
                _ => {}
            }
        }
        search
    }

    /// The fields that are not empty.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("show", self.kind.name()),
            ("q", &*self.text),
            ("endpoint", &*self.endpoint),
            ("status", &*self.status),
            ("client_id", &*self.client_id),
            ("user", &*self.user),
            ("error", &*self.error),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The fields beside the text.
    pub(crate) fn hidden_fields(&self) -> Vec<(&'static str, &str)> {
        self.fields().filter(|(name, _)| *name != "q").collect()
    }

    /// The fields that the menu of filters does not have.
    pub(crate) fn kind_and_text(&self) -> Vec<(&'static str, &str)> {
        let own = self.fields();
        own.filter(|(name, _)| ["show", "q", "error"].contains(name))
            .collect()
    }

    /// Whether the search excludes any request of its kind.
    pub(crate) fn is_narrow(&self) -> bool {
        !self.before.is_empty() || self.fields().any(|(name, _)| name != "show")
    }

    /// Whether the list has changes between its requests: a search shows what it finds alone.
    pub(crate) fn shows_changes(&self) -> bool {
        self.fields().all(|(name, _)| name == "show")
    }

    /// The query string that shows the page loads of this request, or of none.
    pub(crate) fn with_open(&self, open: Option<u64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.fields());
        if !self.before.is_empty() {
            query.append_pair("before", &self.before);
        }
        if let Some(open) = open {
            query.append_pair("open", &open.to_string());
        }
        query.finish()
    }

    /// Whether a filter of the menu is set.
    pub(crate) fn has_filters(&self) -> bool {
        self.fields()
            .any(|(name, _)| !["show", "q"].contains(&name))
    }

    pub(crate) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .finish()
    }

    /// The query string with another kind.
    pub(crate) fn with_kind(&self, kind: KindFilter) -> String {
        let other = Self {
            kind,
            before: String::new(),
            ..self.clone()
        };
        other.query()
    }

    /// The query string without the filters of the menu.
    pub(crate) fn without_filters(&self) -> String {
        let other = Self {
            kind: self.kind,
            text: self.text.clone(),
            ..Self::default()
        };
        other.query()
    }

    /// The query string for requests before this id.
    pub(crate) fn before(&self, id: u64) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .append_pair("before", &id.to_string())
            .finish()
    }

    /// The id before which the page begins. Errors: it is no number.
    pub(crate) fn first(&self) -> Result<Option<u64>, Invalid> {
        if self.before.is_empty() {
            return Ok(None);
        }
        let number = self.before.parse().map(Some);
        number.map_err(|_| {
            let message = format!("{:?} is not a number", self.before);
            Invalid::new("before", message).with_hint("use the number of a request")
        })
    }

    /// Whether newer requests belong on the page.
    pub(crate) fn is_newest(&self) -> bool {
        self.before.is_empty()
    }

    /// The query of the journal. Errors: a field is invalid.
    pub(crate) fn journal_query(&self) -> Result<JournalPageQuery, Invalid> {
        let class = self.status.strip_suffix("xx");
        let class = class.and_then(|class| class.parse::<u16>().ok());
        let mut query = Map::new();
        for (name, value) in self.fields() {
            let value = match name {
                "show" | "q" => continue,
                "status" if class.is_some() => continue,
                "status" => value.parse::<u16>().map_or(value.into(), Value::from),
                _ => value.into(),
            };
            query.insert(name.to_owned(), value);
        }
        let query: crate::control::RequestQuery = invalid::from_json(Value::Object(query))?;
        Ok(JournalPageQuery {
            filter: query.into_filter(),
            kind: self.kind,
            status_class: class,
            text: self.text.clone(),
        })
    }

    /// The endpoints of the selection, and whether each is selected.
    pub(crate) fn endpoints(&self) -> Vec<(&'static str, bool)> {
        let names = Endpoint::ALL.iter().map(|endpoint| endpoint.name());
        names.map(|name| (name, name == self.endpoint)).collect()
    }

    /// The statuses of the selection: value, label, and whether it is selected.
    pub(crate) fn statuses(&self) -> Vec<(String, String, bool)> {
        let known = STATUSES.iter().any(|(value, _)| *value == self.status);
        let own = (!known && !self.status.is_empty())
            .then(|| (self.status.clone(), self.status.clone(), true));
        let fixed = STATUSES
            .map(|(value, label)| (value.to_owned(), label.to_owned(), value == self.status));
        fixed.into_iter().chain(own).collect()
    }
}
