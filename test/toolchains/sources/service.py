"""A service of wasi:http@0.3: /hello answers hello, /upper its body in capital letters, piece by piece as it comes."""

import componentize_py_async_support
import wit_world
from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.wasi_http_types import Fields, Request, Response


class Handler(exports.Handler):
    async def handle(self, request: Request) -> Response:
        path = request.get_path_with_query()
        if path == "/upper":
            handled = wit_world.result_unit_wasi_http_types_error_code_future(lambda: Ok(None))[1]
            body, _ = Request.consume_body(request, handled)
            return answer(200, upper(body))
        return answer(200, said(b"hello")) if path == "/hello" else answer(404, said(b""))


async def upper(body):
    with body:
        while not body.writer_dropped:
            yield (await body.read(4096)).upper()


async def said(text):
    yield text


def answer(status, pieces) -> Response:
    writer, contents = wit_world.byte_stream()
    trailers = wit_world.result_option_wasi_http_types_fields_wasi_http_types_error_code_future(lambda: Ok(None))[1]
    response, _ = Response.new(Fields(), contents, trailers)
    response.set_status_code(status)
    componentize_py_async_support.spawn(write(writer, pieces))
    return response


async def write(writer, pieces) -> None:
    with writer:
        async for piece in pieces:
            await writer.write_all(piece)
