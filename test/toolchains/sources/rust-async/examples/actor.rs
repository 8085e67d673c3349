//! An actor of `vivarium:actor@0.2.0`. The first word of a message is a command.

wit_bindgen::generate!({
    path: "../../../../wit/0.2",
    world: "actor",
    generate_all,
});

use exports::vivarium::actor::lifecycle::{
    ComponentConfig, ComponentMessage, ComponentMetadata, Guest, HealthStatus, WasmError,
};
use futures::future::{join_all, select, Either};
use std::cell::Cell;
use std::pin::pin;
use vivarium::actor::types::{ComponentId, LogLevel};
use vivarium::actor::{host_messaging, host_services, storage};

struct Actor;

thread_local! {
    static RUNNING: Cell<u32> = const { Cell::new(0) };
    static MOST: Cell<u32> = const { Cell::new(0) };
}

fn failed(why: impl std::fmt::Debug) -> WasmError {
    WasmError::RuntimeError(format!("{why:?}"))
}

fn id(text: &str) -> ComponentId {
    let mut parts = text.split('/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    ComponentId { namespace: next(), name: next(), instance: next() }
}

fn millis(text: &str) -> u32 {
    text.parse().unwrap_or(0)
}

async fn answer(words: &[&str]) -> Result<Option<String>, WasmError> {
    Ok(match words {
        ["echo", rest @ ..] => Some(rest.join(" ")),
        ["quiet"] => None,
        ["fail", why] => return Err(WasmError::ResourceLimit(why.to_string())),
        // Asks all targets at once, and answers when the last has answered.
        ["ask", rest @ ..] => {
            let (question, targets) = rest.split_first().ok_or_else(|| failed("whom?"))?;
            let asked = targets.iter().map(|to| host_messaging::ask(id(to), question.replace('+', " ").into_bytes(), 60_000));
            let answers = join_all(asked).await.into_iter().map(|each| match each {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) => format!("!{error:?}"),
            });
            Some(answers.collect::<Vec<_>>().join(","))
        }
        // Asks, but waits for the answer no longer than the given time: the question is cancelled then.
        ["ask-within", ms, to, question] => {
            let asked = pin!(host_messaging::ask(id(to), question.replace('+', " ").into_bytes(), 60_000));
            let over = pin!(host_services::sleep_millis(millis(ms)));
            match select(asked, over).await {
                Either::Left((answer, _)) => Some(String::from_utf8_lossy(&answer.map_err(failed)?).into_owned()),
                Either::Right(_) => Some("too late".into()),
            }
        }
        ["request", to, question] => {
            Some(host_messaging::request(&id(to), question.replace('+', " ").as_bytes(), 60_000).map_err(failed)?)
        }
        ["send", to, rest @ ..] => {
            host_messaging::send(&id(to), rest.join(" ").as_bytes()).map_err(failed)?;
            None
        }
        ["sleep", ms, rest @ ..] => {
            host_services::sleep_millis(millis(ms)).await.map_err(failed)?;
            Some(rest.join(" "))
        }
        ["set", key, value] => {
            storage::set(key.to_string(), value.as_bytes().to_vec()).await.map_err(failed)?;
            None
        }
        ["get", key] => {
            let found = storage::get(key.to_string()).await.map_err(failed)?;
            Some(String::from_utf8(found.unwrap_or_default()).map_err(failed)?)
        }
        // Answers, and then does what follows in the same turn.
        ["then", ms, rest @ ..] => {
            let (ms, text) = (millis(ms), rest.join(" "));
            wit_bindgen::spawn_local(async move {
                let _ = host_services::sleep_millis(ms).await;
                match text.as_str() {
                    "spin" => loop {
                        std::hint::black_box(());
                    },
                    "trap" => core::arch::wasm32::unreachable(),
                    "for-ever" => loop {
                        let _ = host_services::sleep_millis(1_000).await;
                    },
                    _ => host_services::log(LogLevel::Info, &text, &[]),
                }
            });
            Some("answered".into())
        }
        ["most-at-once"] => Some(MOST.get().to_string()),
        _ => return Err(failed(words)),
    })
}

impl Guest for Actor {
    async fn initialize(_: ComponentConfig) -> Result<(), WasmError> {
        host_services::sleep_millis(0).await.map_err(failed)
    }

    async fn handle_message(msg: ComponentMessage) -> Result<Option<Vec<u8>>, WasmError> {
        RUNNING.set(RUNNING.get() + 1);
        MOST.set(MOST.get().max(RUNNING.get()));
        let text = String::from_utf8_lossy(&msg.payload).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        let answered = answer(&words).await;
        RUNNING.set(RUNNING.get() - 1);
        Ok(answered?.map(String::into_bytes))
    }

    async fn handle_callback(msg: ComponentMessage) -> Result<(), WasmError> {
        let text = match msg.metadata.failure {
            Some(failure) => format!("{failure:?}"),
            None => String::from_utf8_lossy(&msg.payload).into_owned(),
        };
        storage::set("callback".into(), text.into_bytes()).await.map_err(failed)
    }

    fn metadata() -> ComponentMetadata {
        ComponentMetadata {
            name: "rust".into(),
            version: "1.0.0".into(),
            description: "an asynchronous actor".into(),
            author: String::new(),
            license: String::new(),
            supported_operations: vec!["echo".into()],
            stateful: false,
        }
    }

    async fn health() -> HealthStatus {
        HealthStatus::Healthy
    }

    async fn shutdown() {
        host_services::log(LogLevel::Info, "shut down", &[]);
    }
}

export!(Actor);
