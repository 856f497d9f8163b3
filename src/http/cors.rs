//! Cross-origin requests of pages whose origin is allowed, which [`super::access`] has checked.

use crate::http::request::Head;
use crate::http::response::Response;
use tungstenite::http::header;

/// Lets a page of another origin read the response. That its origin is allowed was checked before.
pub(crate) fn with_origin(response: Response, head: &Head) -> Response {
    let response = response.with_header("Vary", "Origin");
    match head.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) {
        None => response,
        Some(origin) => response
            .with_header("Access-Control-Allow-Origin", origin.to_owned())
            .with_header("Access-Control-Allow-Credentials", "true"),
    }
}

/// Answers a browser that asks whether a page of another origin may send a request.
pub(crate) fn preflight(head: &Head) -> Response {
    let asked = head.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let is_list = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
    let headers = asked.filter(|asked| asked.as_bytes().iter().all(is_list));
    let headers = headers.and_then(|headers| headers.to_str().ok()).unwrap_or("Content-Type");
    Response::no_content()
        .with_header("Access-Control-Allow-Methods", "GET, POST")
        .with_header("Access-Control-Allow-Headers", headers.to_owned())
        .with_header("Access-Control-Max-Age", "600")
}
