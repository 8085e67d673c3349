//! A service of `wasi:http@0.3`. The path of a request says what to do.

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::{self, StreamReader, StreamResult};
use wasip3::{wit_future, wit_stream};

wasip3::http::service::export!(Service);

struct Service;

type Trailers = Result<Option<Fields>, ErrorCode>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let owned: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    Fields::from_list(&owned).expect("valid fields")
}

/// A response whose body `write` is given the writer of, after the answer.
fn streaming<W, F>(headers: Fields, trailers: Trailers, write: W) -> Response
where
    W: FnOnce(wit_bindgen::StreamWriter<u8>) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let (writer, reader) = wit_stream::new();
    let (after, ends) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(reader), ends);
    wit_bindgen::spawn_local(async move {
        write(writer).await;
        let _ = after.write(trailers).await;
    });
    response
}

fn text(status: u16, body: &str) -> Response {
    let body = body.as_bytes().to_vec();
    let headers = fields(&[("content-type", "text/plain"), ("content-length", &body.len().to_string())]);
    let response = streaming(headers, Ok(None), |mut writer| async move {
        writer.write_all(body).await;
    });
    response.set_status_code(status).expect("a valid status");
    response
}

async fn all(mut stream: StreamReader<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let (result, piece) = stream.read(Vec::with_capacity(16 * 1024)).await;
        bytes.extend(piece);
        if !matches!(result, StreamResult::Complete(_)) {
            return bytes;
        }
    }
}

fn consumed(request: Request) -> (StreamReader<u8>, wit_bindgen::FutureReader<Trailers>) {
    let (done, handled) = wit_future::new(|| Ok(()));
    let body = Request::consume_body(request, handled);
    drop(done);
    body
}

async fn forward(url: &str, method: Method, body: Vec<u8>) -> Result<Response, ErrorCode> {
    let rest = url.strip_prefix("http://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (mut writer, reader) = wit_stream::new();
    let (after, ends) = wit_future::new(|| Ok(None));
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(2_000_000_000));
    let contents = (!body.is_empty()).then_some(reader);
    let (request, sent) = Request::new(fields(&[("x-from", "service")]), contents, ends, Some(options));
    let _ = request.set_method(&method);
    let _ = request.set_scheme(Some(&Scheme::Http));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some(path));
    wit_bindgen::spawn_local(async move {
        writer.write_all(body).await;
        drop(writer);
        let _ = after.write(Ok(Some(fields(&[("x-after", "body")])))).await;
        let _ = sent.await;
    });
    client::send(request).await
}

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let method = request.get_method();
        Ok(match path.split('?').next().unwrap_or_default() {
            "/hello" => text(200, "hello"),
            "/about" => {
                let agent = request.get_headers().get("user-agent").concat();
                let (scheme, authority) = (request.get_scheme(), request.get_authority());
                text(200, &format!("{method:?} {scheme:?} {authority:?} {path} {}", String::from_utf8_lossy(&agent)))
            }
            "/teapot" => text(418, "short and stout"),
            // The body and its trailers come back as they are, without passing through this component's memory.
            "/echo" => {
                let (body, trailers) = consumed(request);
                Response::new(fields(&[("x-echo", "yes")]), Some(body), trailers).0
            }
            "/upper" => {
                let (mut body, _) = consumed(request);
                streaming(Fields::new(), Ok(Some(fields(&[("x-done", "yes")]))), |mut writer| async move {
                    loop {
                        let (result, piece) = body.read(Vec::with_capacity(4 * 1024)).await;
                        writer.write_all(piece.to_ascii_uppercase()).await;
                        if !matches!(result, StreamResult::Complete(_)) {
                            return;
                        }
                    }
                })
            }
            "/trailers" => {
                let (body, trailers) = consumed(request);
                let length = all(body).await.len();
                let after = match trailers.await? {
                    Some(found) => found.copy_all(),
                    None => vec![],
                };
                let shown: Vec<_> =
                    after.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect();
                text(200, &format!("{length} {}", shown.join(",")))
            }
            "/count" => {
                let (body, _) = consumed(request);
                text(200, &all(body).await.len().to_string())
            }
            "/fetch" => {
                let url = path.split_once('=').map(|(_, url)| url.to_string()).unwrap_or_default();
                let (body, _) = consumed(request);
                forward(&url, method, all(body).await).await?
            }
            "/fetch-length" => {
                let url = path.split_once('=').map(|(_, url)| url.to_string()).unwrap_or_default();
                let response = forward(&url, Method::Get, vec![]).await?;
                let (_, handled) = wit_future::new(|| Ok(()));
                let (body, trailers) = Response::consume_body(response, handled);
                let length = all(body).await.len();
                text(200, &format!("{length} {}", trailers.await?.is_some()))
            }
            "/error" => return Err(ErrorCode::InternalError(Some("no".into()))),
            "/never" => {
                std::future::pending::<()>().await;
                unreachable!()
            }
            "/slow" => {
                wait_for(60_000_000_000).await;
                text(200, "at last")
            }
            "/late" => streaming(Fields::new(), Ok(None), |mut writer| async move {
                writer.write_all(b"first ".to_vec()).await;
                wait_for(20_000_000).await;
                writer.write_all(b"last".to_vec()).await;
            }),
            "/short" => streaming(fields(&[("content-length", "10")]), Ok(None), |mut writer| async move {
                writer.write_all(b"abc".to_vec()).await;
            }),
            "/long" => streaming(fields(&[("content-length", "2")]), Ok(None), |mut writer| async move {
                writer.write_all(b"abc".to_vec()).await;
            }),
            "/failing" => {
                let failed = Err(ErrorCode::InternalError(Some("half way".into())));
                streaming(Fields::new(), failed, |mut writer| async move {
                    writer.write_all(b"abc".to_vec()).await;
                })
            }
            "/endless" => streaming(Fields::new(), Ok(None), |mut writer| async move {
                while writer.write_all(vec![b'x'; 8 * 1024]).await.is_empty() {}
            }),
            // The trailers never come, though the task ends.
            "/forgotten" => {
                let (mut writer, reader) = wit_stream::new();
                let (after, ends) = wit_future::new::<Trailers>(|| Ok(None));
                std::mem::forget(after);
                wit_bindgen::spawn_local(async move {
                    writer.write_all(b"abc".to_vec()).await;
                });
                Response::new(Fields::new(), Some(reader), ends).0
            }
            "/spin" => streaming(Fields::new(), Ok(None), |_writer| async {
                loop {
                    std::hint::black_box(());
                }
            }),
            "/trap" => streaming(Fields::new(), Ok(None), |mut writer| async move {
                writer.write_all(b"abc".to_vec()).await;
                core::arch::wasm32::unreachable()
            }),
            "/fields" => {
                let own = Fields::new();
                let _ = own.append("x-a", b"1");
                let _ = own.append("X-A", b"2");
                let taken = own.get_and_delete("x-a").map(|values| values.len());
                let huge = own.append("x-huge", &vec![b'h'; 70_000]);
                let forbidden = own.append("connection", b"close");
                let frozen = request.get_headers().append("x-a", b"1");
                text(200, &format!("{taken:?} {huge:?} {forbidden:?} {frozen:?}"))
            }
            _ => text(404, "no such path"),
        })
    }
}
