//! Whom an answer is for: a person at a browser reads a page, a program JSON.

use actix_web::HttpRequest;
use actix_web::http::header;

/// What the sender of a request would like to read (RFC 9110 12.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// HTML: a browser that shows what comes.
    Page,
    /// JSON and no HTML.
    Json,
    /// Nothing in particular.
    Any,
}

/// What the sender of a request would like to read.
pub(crate) fn wish(request: &HttpRequest) -> Wish {
    let page = quality(request, &["text/html", "application/xhtml+xml"]);
    let json = quality(request, &["application/json"]);
    if page > 0.0 && page >= json {
        Wish::Page
    } else if json > 0.0 {
        Wish::Json
    } else {
        Wish::Any
    }
}

/// Whether the sender of a request names `wanted` as what it would rather read than `usual`, which is what it gets otherwise.
pub(crate) fn prefers(request: &HttpRequest, wanted: &str, usual: &str) -> bool {
    quality(request, &[wanted]) > quality(request, &[usual])
}

/// How much a request wishes for one of these, by name; 0 if it names none.
fn quality(request: &HttpRequest, kinds: &[&str]) -> f32 {
    let lines = request.headers().get_all(header::ACCEPT).filter_map(|line| line.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
        });
        kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted)).then(|| quality.unwrap_or(1.0))
    });
    ranges.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn browsers_wish_for_pages_and_programs_for_json() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Wish::Page),
            ("application/json, Text/HTML ;q=0.1", Wish::Json),
            ("application/json;q=0.9, text/html;q=0.1", Wish::Json),
            ("application/json;q=0.5, Text/HTML ;q=0.5", Wish::Page),
            ("application/json, text/html;q=0", Wish::Json),
            ("application/json", Wish::Json),
            ("*/*", Wish::Any),
            ("", Wish::Any),
            ("text/html; Q = 0.0", Wish::Any),
        ] {
            let request = TestRequest::get().insert_header((header::ACCEPT, accept)).to_http_request();
            assert_eq!(wish(&request), expected, "{accept}");
        }
        assert_eq!(wish(&TestRequest::get().to_http_request()), Wish::Any);
    }

    #[test]
    fn one_of_two_names_is_preferred_only_if_it_is_asked_for_more() {
        for (accept, expected) in [
            ("application/json", true),
            ("Application/JSON; q=0.9, text/html", true),
            ("application/json, */*", true),
            ("application/scim+json;q=0.5, application/json", true),
            ("application/scim+json, application/json", false),
            ("application/json;q=0.5, application/scim+json;q=0.8", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            ("application/scim+json", false),
            ("*/*", false),
            ("", false),
        ] {
            let request = TestRequest::get().insert_header((header::ACCEPT, accept)).to_http_request();
            assert_eq!(prefers(&request, "application/json", "application/scim+json"), expected, "{accept}");
        }
        assert!(!prefers(&TestRequest::get().to_http_request(), "application/json", "application/scim+json"));
    }
}
