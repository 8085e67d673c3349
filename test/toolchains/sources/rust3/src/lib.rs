// The tool of the suite for WASI 0.3 in Rust: each first argument is one scenario.
mod files;
mod hostile;
mod sockets;

use std::future::IntoFuture;
use wasip3::{cli, clocks, wit_stream};

wasip3::cli::command::export!(Tool);

struct Tool;

impl wasip3::exports::cli::run::Guest for Tool {
    async fn run() -> Result<(), ()> {
        let args: Vec<String> = cli::environment::get_arguments().into_iter().skip(1).collect();
        match args.first().map(String::as_str) {
            Some("cat") => {
                let (input, ended) = cli::stdin::read_via_stream();
                cli::stdout::write_via_stream(input).await.unwrap();
                ended.await.unwrap();
            }
            Some("copy") => copy().await,
            Some("exit") => {
                print("bye").await;
                match args[1].parse().unwrap() {
                    0 => {}
                    _ => return Err(()),
                }
            }
            Some("exit-with") => cli::exit::exit_with_code(args[1].parse().unwrap()),
            Some("files") => files::files().await.unwrap(),
            Some("links") => files::links().await,
            Some("tcp") => sockets::tcp().await,
            Some("udp") => sockets::udp().await,
            Some("names") => sockets::names().await,
            Some("hoard") => hostile::hoard(args[1].parse().unwrap()).await,
            Some("promise") => hostile::promise(args[1].parse().unwrap()).await,
            Some("drops") => hostile::drops(args[1].parse().unwrap()).await,
            Some("listings") => hostile::listings(args[1].parse().unwrap()).await,
            Some("closed") => hostile::closed().await,
            Some("exits") => hostile::exits().await,
            Some("forever") => hostile::forever().await,
            Some("flooded") => hostile::flooded(args[1].parse().unwrap()).await,
            Some("receives") => hostile::receives(args[1].parse().unwrap()).await,
            Some("times") => hostile::times().await,
            Some("floods") => hostile::floods(args[1].parse().unwrap()).await,
            Some("race") => race(args[1].parse().unwrap()).await,
            Some("late") => {
                wasip3::spawn_local(async {
                    clocks::monotonic_clock::wait_for(10_000_000).await;
                    print("printed after the answer\n").await;
                });
            }
            Some("trap") => panic!("on purpose"),
            Some("sleep") => {
                let before = clocks::monotonic_clock::now();
                clocks::monotonic_clock::wait_for(10_000_000).await;
                clocks::monotonic_clock::wait_until(before + 20_000_000).await;
                assert!(clocks::monotonic_clock::now() >= before + 20_000_000);
                print("slept\n").await;
            }
            _ => {
                print(&format!("{args:?}\n")).await;
                let mut variables = cli::environment::get_environment();
                variables.sort();
                print(&format!("{variables:?}\n")).await;
                print_error("to standard error\n").await;
            }
        }
        Ok(())
    }
}

/// Copies standard input to standard output in small pieces.
async fn copy() {
    let (mut input, ended) = cli::stdin::read_via_stream();
    let (mut tx, rx) = wit_stream::new();
    let (written, ()) = futures::join!(cli::stdout::write_via_stream(rx).into_future(), async move {
        loop {
            let (status, piece) = input.read(Vec::with_capacity(1_000)).await;
            assert!(tx.write_all(piece).await.is_empty());
            if !matches!(status, wasip3::wit_bindgen::StreamResult::Complete(_)) {
                break;
            }
        }
    });
    written.unwrap();
    ended.await.unwrap();
}

/// Begins waits that never end, and gives them up.
async fn race(times: u32) {
    for _ in 0..times {
        let endless = Box::pin(clocks::monotonic_clock::wait_for(u64::MAX));
        let short = Box::pin(clocks::monotonic_clock::wait_for(0));
        futures::future::select(endless, short).await;
    }
    print("raced\n").await;
}

pub async fn print(text: &str) {
    let (mut tx, rx) = wit_stream::new();
    let (written, ()) = futures::join!(cli::stdout::write_via_stream(rx).into_future(), async move {
        assert!(tx.write_all(text.as_bytes().to_vec()).await.is_empty());
    });
    written.unwrap();
}

async fn print_error(text: &str) {
    let (mut tx, rx) = wit_stream::new();
    let (written, ()) = futures::join!(cli::stderr::write_via_stream(rx).into_future(), async move {
        assert!(tx.write_all(text.as_bytes().to_vec()).await.is_empty());
    });
    written.unwrap();
}
