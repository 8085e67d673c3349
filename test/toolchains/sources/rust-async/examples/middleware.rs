//! A middleware of `wasi:http@0.3`: passes requests on to the next handler and marks what comes back.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen;
use wasip3::wit_future;

wit_bindgen::generate!({
    inline: "package test:middleware; world next { import wasi:http/handler@0.3.2; }",
    path: "wit",
    world: "next",
    with: {
        "wasi:http/types@0.3.2": wasip3::http::types,
        "wasi:clocks/types@0.3.2": wasip3::clocks::types,
        "wasi:http/handler@0.3.2": generate,
    },
});

wasip3::http::service::export!(Middleware);

struct Middleware;

impl Guest for Middleware {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if request.get_path_with_query().as_deref() == Some("/refused") {
            return Err(ErrorCode::HttpRequestDenied);
        }
        let response = wasi::http::handler::handle(request).await?;
        let status = response.get_status_code();
        let headers = response.get_headers().clone();
        let _ = headers.append("x-middleware", b"passed");
        let (_, handled) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(response, handled);
        let (marked, _) = Response::new(headers, Some(body), trailers);
        let _ = marked.set_status_code(status);
        Ok(marked)
    }
}
