import type { LanguageFiles, MakeFiles } from './files.ts';
import { handlerWorld, libraryWorld } from './worlds.ts';

const TARGET = '# The target comes with `rustup target add wasm32-wasip2`, or as libstd-rust-dev-wasm32 of Debian 13.';

const COMMAND = `use std::env;
use std::io::{self, BufRead};
use std::process::ExitCode;

fn main() -> ExitCode {
    let who = env::args().nth(1).unwrap_or_else(|| "world".into());
    println!("Hello, {who}!");
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("standard input: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
`;

const actor = (name: string): string => `use std::cell::Cell;

use exports::vivarium::actor::lifecycle::{
    ComponentConfig, ComponentMessage, ComponentMetadata, Guest, HealthStatus, WasmError,
};
use vivarium::actor::host_services;
use vivarium::actor::types::LogLevel;

wit_bindgen::generate!({ world: "actor", path: "wit", generate_all });

thread_local!(static GREETED: Cell<u32> = const { Cell::new(0) });

struct Actor;

impl Guest for Actor {
    fn initialize(_config: ComponentConfig) -> Result<(), WasmError> {
        Ok(())
    }

    /// Handles a message; what it answers is the reply.
    fn handle_message(msg: ComponentMessage) -> Result<Option<Vec<u8>>, WasmError> {
        let name = String::from_utf8(msg.payload)
            .map_err(|error| WasmError::RuntimeError(format!("the message is no text: {error}")))?;
        let number = GREETED.get() + 1;
        GREETED.set(number);
        host_services::log(LogLevel::Info, &format!("greeted {name}"), &[]);
        Ok(Some(format!("Hello, {name}! You are number {number}.").into_bytes()))
    }

    fn handle_callback(_msg: ComponentMessage) -> Result<(), WasmError> {
        Ok(())
    }

    fn metadata() -> ComponentMetadata {
        ComponentMetadata {
            name: "${name}".into(),
            version: "0.1.0".into(),
            description: String::new(),
            author: String::new(),
            license: String::new(),
            supported_operations: Vec::new(),
            stateful: true,
        }
    }

    fn health() -> HealthStatus {
        HealthStatus::Healthy
    }

    fn shutdown() {}
}

export!(Actor);
`;

const LIBRARY = `wit_bindgen::generate!({ world: "guest", path: "wit", generate_all });

struct Library;

impl Guest for Library {
    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }

    fn parse(text: String) -> Result<f64, String> {
        text.parse().map_err(|error| format!("{text} is no number: {error}"))
    }
}

export!(Library);
`;

const HANDLER = `use exports::wasi::http::incoming_handler::{Guest, IncomingRequest, ResponseOutparam};
use wasi::http::types::{Fields, OutgoingBody, OutgoingResponse};

wit_bindgen::generate!({ world: "handler", path: "wit", generate_all });

struct Handler;

/// Answers each request in a turn of its own. A panic is in the log, and the client gets the status 502.
impl Guest for Handler {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let (_, query) = path.split_once('?').unwrap_or((&path, ""));
        let name = query.split('&').find_map(|each| each.strip_prefix("name=")).unwrap_or("world");
        answer(response_out, &format!("{{\\"hello\\": {name:?}}}"));
    }
}

fn answer(response_out: ResponseOutparam, content: &str) {
    let headers = Fields::from_list(&[("content-type".into(), b"application/json".into())]).unwrap();
    let response = OutgoingResponse::new(headers);
    let body = response.body().unwrap();
    ResponseOutparam::set(response_out, Ok(response));
    let stream = body.write().unwrap();
    for piece in content.as_bytes().chunks(4096) {
        stream.blocking_write_and_flush(piece).unwrap();
    }
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
}

export!(Handler);
`;

function manifest(name: string): string {
  return `[package]
name = "${crateOf(name)}"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[dependencies]
wit-bindgen = { version = "0.46", default-features = false, features = ["macros", "realloc"] }

[profile.release]
opt-level = "s"
lto = true
strip = true
panic = "abort"
`;
}

/** A crate's name has letters, digits, hyphens and underscores, and begins with a letter. */
function crateOf(name: string): string {
  const crate = name.replaceAll('.', '-');
  return /^[a-z]/.test(crate) ? crate : `c${crate}`;
}

function crate(name: string, source: string, use: string): Pick<LanguageFiles, 'files' | 'commands'> {
  return {
    files: { 'Cargo.toml': manifest(name), 'src/lib.rs': source },
    commands: [
      'cargo build --release --target wasm32-wasip2',
      `cp target/wasm32-wasip2/release/${crateOf(name).replaceAll('-', '_')}.wasm ${name}.wasm`,
      use,
      '',
      TARGET,
    ],
  };
}

export const RUST: Readonly<Record<'actor' | 'command' | 'handler' | 'library', MakeFiles>> = {
  actor: (name) => ({ ...crate(name, actor(name), `viv run ${name}.wasm --message Ada`), contract: 'actor' }),
  command: (name) => ({
    files: { 'src/main.rs': COMMAND },
    commands: [
      `rustc --target wasm32-wasip2 -O src/main.rs -o ${name}.wasm`,
      `viv run ${name}.wasm -- Ada`,
      '',
      TARGET,
    ],
  }),
  handler: (name) => {
    const { files, commands } = crate(name, HANDLER, `viv serve ${name}.wasm`);
    return { files: { ...files, 'wit/world.wit': handlerWorld(name) }, commands, contract: 'http' };
  },
  library: (name) => {
    const { files, commands } = crate(name, LIBRARY, `viv call ${name}.wasm greet '["Ada"]'`);
    return { files: { ...files, 'wit/world.wit': libraryWorld(name) }, commands };
  },
};
