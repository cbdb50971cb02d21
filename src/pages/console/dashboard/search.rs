//! The search form of the dashboard, as a query string and as a query of the journal.

use serde_json::{Map, Value};

use crate::control::{JournalRequest, RequestQuery};
use crate::invalid::{self, Invalid};
use crate::protocol::endpoint::Endpoint;

/// The fields of the search form, as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct SearchForm {
    pub(crate) endpoint: String,
    pub(crate) client_id: String,
    pub(crate) error: String,
    /// Whether loads of the console pages are shown, too.
    pub(crate) all: bool,
    before: Option<String>,
    pub(crate) after: Option<u64>,
}

impl SearchForm {
    pub(crate) fn parse(query: &str) -> Self {
        let mut search = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "endpoint" => search.endpoint = value,
                "client_id" => search.client_id = value,
                "error" => search.error = value,
                "show" => search.all = value == "all",
                "after" => search.after = value.parse().ok(),
                "before" => search.before = Some(value),
                _ => {}
            }
        }
        search
    }

    /// The fields that are not empty.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let show = if self.all { "all" } else { "" };
        let fields = [
            ("show", show),
            ("endpoint", &*self.endpoint),
            ("client_id", &*self.client_id),
            ("error", &*self.error),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// Whether the search excludes any request.
    pub(crate) fn is_narrow(&self) -> bool {
        self.before.is_some() || self.fields().any(|(name, _)| name != "show")
    }

    /// Whether a request is shown. Loads of the console pages are not, since no app sends them; their forms are.
    pub(crate) fn shows(&self, one: &JournalRequest) -> bool {
        let pages = ["/user/account", "/favicon.ico"];
        let of_ours =
            one.endpoint == Endpoint::Home || pages.iter().any(|page| one.path.starts_with(page));
        let looks = of_ours && matches!(&*one.method, "GET" | "HEAD");
        self.all || !looks || self.endpoint == one.endpoint.name()
    }

    pub(crate) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .finish()
    }

    /// The query string for requests before this id.
    pub(crate) fn before(&self, id: u64) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields())
            .append_pair("before", &id.to_string())
            .finish()
    }

    /// Whether newer requests belong on the page.
    pub(crate) fn is_newest(&self) -> bool {
        self.before.is_none()
    }

    /// The query of the journal. Errors: a field is invalid.
    pub(crate) fn requests(&self) -> Result<RequestQuery, Invalid> {
        let mut query: Map<String, Value> = self
            .fields()
            .filter(|(name, _)| *name != "show")
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        if let Some(before) = &self.before {
            let number = before
                .parse::<u64>()
                .map_or(before.as_str().into(), Value::from);
            query.insert("before".to_owned(), number);
        }
        invalid::from_json(Value::Object(query))
    }

    /// The endpoints of the selection, and whether each is selected.
    pub(crate) fn endpoints(&self) -> Vec<(&'static str, bool)> {
        let names = Endpoint::ALL.iter().map(|endpoint| endpoint.name());
        names.map(|name| (name, name == self.endpoint)).collect()
    }
}
