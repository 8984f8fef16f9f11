//! The stylesheet and the pictures, embedded in the binary.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, EntityTag, Header as _, IfNoneMatch},
    web,
};

const STYLESHEET: &[u8] = include_bytes!("../../../assets/doorward.css");
/// What the console has besides.
const CONSOLE: &[u8] = include_bytes!("../../../assets/console.css");
const LOGO: &[u8] = include_bytes!("../../../assets/logo.svg");
const FAVICON: &[u8] = include_bytes!("../../../assets/favicon.svg");

const DIGITS: [u8; 8] = hex(fnv1a(fnv1a(fnv1a(fnv1a(0x811c_9dc5, STYLESHEET), CONSOLE), LOGO), FAVICON));

/// Changes with the content of any asset. Pages ask for `/assets/doorward.css?v=<VERSION>`, which may be kept forever.
pub(crate) const VERSION: &str = match std::str::from_utf8(&DIGITS) {
    Ok(digits) => digits,
    Err(_) => "0",
};

/// FNV-1a, which a constant can compute: it tells versions apart and guards nothing.
const fn fnv1a(mut hash: u32, mut bytes: &[u8]) -> u32 {
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u32).wrapping_mul(0x0100_0193);
        bytes = rest;
    }
    hash
}

const fn hex(hash: u32) -> [u8; 8] {
    [
        digit(hash >> 28),
        digit(hash >> 24),
        digit(hash >> 20),
        digit(hash >> 16),
        digit(hash >> 12),
        digit(hash >> 8),
        digit(hash >> 4),
        digit(hash),
    ]
}

const fn digit(value: u32) -> u8 {
    let nibble = (value & 0xf) as u8;
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Registers `/assets/{name}` and `/favicon.ico`.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/assets/{name}").get(named).head(named))
        .service(web::resource("/favicon.ico").get(favicon).head(favicon));
}

async fn named(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    match name.as_str() {
        "doorward.css" => serve(&request, STYLESHEET, "text/css; charset=utf-8"),
        "console.css" => serve(&request, CONSOLE, "text/css; charset=utf-8"),
        "logo.svg" => serve(&request, LOGO, "image/svg+xml"),
        "favicon.svg" => serve(&request, FAVICON, "image/svg+xml"),
        _ => HttpResponse::NotFound().insert_header(header::ContentType::plaintext()).body("not found"),
    }
}

/// Browsers ask for this path when they show something that is not one of our pages.
async fn favicon(request: HttpRequest) -> HttpResponse {
    serve(&request, FAVICON, "image/svg+xml")
}

/// The asset, or 304 when the browser has it. Kept for a year when asked for by its present version, else checked each time: an
/// older page may ask a newer replica, and must not keep the newer content under the older name.
fn serve(request: &HttpRequest, content: &'static [u8], content_type: &'static str) -> HttpResponse {
    let tag = EntityTag::new_weak(VERSION.to_owned());
    let current = request.query_string().strip_prefix("v=") == Some(VERSION);
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(header::ETag(tag))
        .insert_header((
            header::CACHE_CONTROL,
            if current { "public, max-age=31536000, immutable" } else { "public, no-cache" },
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"));
    if known { response.finish() } else { response.content_type(content_type).body(content) }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::to_bytes,
        dev::ServiceResponse,
        http::StatusCode,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    async fn fetch(request: TestRequest) -> ServiceResponse {
        call_service(&init_service(App::new().configure(configure)).await, request.to_request()).await
    }

    fn header<'a>(response: &'a ServiceResponse, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_version_is_the_hash_of_the_content() {
        assert_eq!(fnv1a(0x811c_9dc5, b"foobar"), 0xbf9c_f968);
        assert_eq!(&hex(0xbf9c_f968), b"bf9cf968");
        assert_eq!(VERSION.len(), 8);
    }

    #[actix_web::test]
    async fn the_present_version_is_kept_forever() {
        for (name, content_type) in [
            ("doorward.css", "text/css; charset=utf-8"),
            ("console.css", "text/css; charset=utf-8"),
            ("logo.svg", "image/svg+xml"),
            ("favicon.svg", "image/svg+xml"),
        ] {
            let response = fetch(TestRequest::get().uri(&format!("/assets/{name}?v={VERSION}"))).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(header(&response, "content-type"), content_type);
            assert_eq!(header(&response, "cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            assert!(!to_bytes(response.into_body()).await.unwrap().is_empty());
        }
    }

    #[actix_web::test]
    async fn another_version_is_checked_each_time() {
        for uri in ["/assets/doorward.css", "/assets/doorward.css?v=00000000", "/favicon.ico"] {
            let response = fetch(TestRequest::get().uri(uri)).await;
            assert_eq!(response.status(), StatusCode::OK, "{uri}");
            assert_eq!(header(&response, "cache-control"), "public, no-cache", "{uri}");
        }
    }

    #[actix_web::test]
    async fn a_known_asset_is_not_sent_again() {
        let first = fetch(TestRequest::get().uri("/assets/logo.svg")).await;
        let again = TestRequest::get().uri("/assets/logo.svg").insert_header(("if-none-match", header(&first, "etag")));
        let again = fetch(again).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(header(&again, "etag"), header(&first, "etag"));
        assert!(to_bytes(again.into_body()).await.unwrap().is_empty());
    }

    #[actix_web::test]
    async fn an_unknown_asset_is_not_found() {
        assert_eq!(fetch(TestRequest::get().uri("/assets/../Cargo.toml")).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(fetch(TestRequest::get().uri("/assets/other.css")).await.status(), StatusCode::NOT_FOUND);
    }
}
