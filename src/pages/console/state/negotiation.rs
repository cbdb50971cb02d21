//! Whether a request asks for a page, at a path that also has a list of the control API.

use axum::extract::Request;
use axum::http::Method;
use axum::http::header::ACCEPT;

/// What every browser accepts when it loads a page, and the script of the console. Programs that accept `text/html` only
/// because of their library, such as Java's `HttpURLConnection`, do not name it.
const PAGE: &str = "application/xhtml+xml";

/// Whether a browser loads the page.
pub(crate) fn accepts_page(request: &Request) -> bool {
    let accepted = request.headers().get(ACCEPT);
    let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
    matches!(*request.method(), Method::GET | Method::HEAD)
        && accepted
            .is_some_and(|accepted| accepted.contains("text/html") && accepted.contains(PAGE))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn browsers_get_the_page_and_programs_the_list() {
        for (method, accept, is_page) in [
            (
                "GET",
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("POST", "text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("GET", "*/*", false),
            ("GET", "application/json", false),
            (
                "GET",
                "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
                false,
            ),
        ] {
            let request = Request::builder().method(method).header("accept", accept);
            let request = request.body(Body::empty()).expect("a request");
            assert_eq!(accepts_page(&request), is_page, "{method} {accept}");
        }
    }
}
