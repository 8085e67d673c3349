import type { LanguageFiles, MakeFiles } from './files.ts';
import { handlerWorld, libraryWorld } from './worlds.ts';

const CLI_WIT = `package wasi:cli@0.2.0;

interface run {
  run: func() -> result;
}
`;

const COMMAND = `import sys

from wit_world import exports


class Run(exports.Run):
    def run(self) -> None:
        who = sys.argv[1] if len(sys.argv) > 1 else "world"
        print(f"Hello, {who}!")
        for line in sys.stdin:
            print(line, end="")
`;

const actor = (name: string): string => `from typing import Optional

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import host_services
from wit_world.imports.errors import WasmError_RuntimeError
from wit_world.imports.types import ComponentConfig, ComponentMessage, ComponentMetadata, HealthStatus, LogLevel

greeted = 0


class Lifecycle(exports.Lifecycle):
    def initialize(self, config: ComponentConfig) -> None:
        pass

    def handle_message(self, msg: ComponentMessage) -> Optional[bytes]:
        """Handles a message; what it answers is the reply."""
        global greeted
        greeted += 1
        try:
            name = msg.payload.decode()
        except UnicodeDecodeError as error:
            raise Err(WasmError_RuntimeError(f"the message is no text: {error}")) from error
        host_services.log(LogLevel.INFO, f"greeted {name}", [])
        return f"Hello, {name}! You are number {greeted}.".encode()

    def handle_callback(self, msg: ComponentMessage) -> None:
        pass

    def metadata(self) -> ComponentMetadata:
        return ComponentMetadata("${name}", "0.1.0", "", "", "", [], True)

    def health(self) -> HealthStatus:
        return HealthStatus.HEALTHY

    def shutdown(self) -> None:
        pass
`;

const LIBRARY = `from componentize_py_types import Err

import wit_world


class WitWorld(wit_world.WitWorld):
    def greet(self, name: str) -> str:
        return f"Hello, {name}!"

    def parse(self, text: str) -> float:
        """A function with a result answers its ok case, and raises its error case in Err."""
        try:
            return float(text)
        except ValueError as error:
            raise Err(str(error)) from error
`;

const HANDLER = `import json
from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)


class IncomingHandler(exports.IncomingHandler):
    """Answers each request in a turn of its own. What it raises is in the log, and the client gets the status 502."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        url = urlsplit(request.path_with_query() or "/")
        name = parse_qs(url.query).get("name", ["world"])[0]
        answer(response_out, json.dumps({"hello": name}).encode())


def answer(response_out: ResponseOutparam, content: bytes) -> None:
    headers = Fields.from_list([("content-type", b"application/json")])
    response = OutgoingResponse(headers)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    with body.write() as stream:
        for at in range(0, len(content), 4096):
            stream.blocking_write_and_flush(content[at : at + 4096])
    OutgoingBody.finish(body, None)
`;

function project(
  name: string,
  world: string,
  files: Readonly<Record<string, string>>,
  use: string,
): Pick<LanguageFiles, 'files' | 'commands'> {
  return {
    files,
    commands: [
      'python3 -m pip install componentize-py',
      `componentize-py -d wit -w ${world} componentize app -o ${name}.wasm`,
      use,
    ],
  };
}

export const PYTHON: Readonly<Record<'actor' | 'command' | 'handler' | 'library', MakeFiles>> = {
  actor: (name) => ({
    ...project(name, 'actor', { 'app.py': actor(name) }, `viv run ${name}.wasm --message Ada`),
    contract: 'actor',
  }),
  command: (name) =>
    project(
      name,
      'command',
      {
        'app.py': COMMAND,
        'wit/world.wit': 'package local:command;\n\nworld command {\n  export wasi:cli/run@0.2.0;\n}\n',
        'wit/deps/cli/cli.wit': CLI_WIT,
      },
      `viv run ${name}.wasm -- Ada`,
    ),
  handler: (name) => ({
    ...project(name, 'handler', { 'app.py': HANDLER, 'wit/world.wit': handlerWorld(name) }, `viv serve ${name}.wasm`),
    contract: 'http',
  }),
  library: (name) =>
    project(
      name,
      'guest',
      { 'app.py': LIBRARY, 'wit/world.wit': libraryWorld(name) },
      `viv call ${name}.wasm greet '["Ada"]'`,
    ),
};
