// The tool of the suite in Rust: each first argument is one scenario.
use std::io::{self, BufRead, Read, Write};
use std::{env, fs, process, thread, time::Duration};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("cat") => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).unwrap();
            io::stdout().write_all(&bytes).unwrap();
        }
        Some("lines") => {
            for (number, line) in io::stdin().lock().lines().enumerate() {
                println!("{number} {}", line.unwrap());
            }
        }
        Some("exit") => {
            print!("bye");
            process::exit(args[1].parse().unwrap());
        }
        Some("trap") => panic!("on purpose"),
        Some("spin") => loop {
            std::hint::black_box(0);
        },
        Some("sleep") => {
            thread::sleep(Duration::from_millis(20));
            println!("slept");
        }
        Some("files") => done(files(&args[1])),
        Some("links") => done(links(&args[1])),
        Some("sync") => done(sync(&args[1])),
        Some("read") => match fs::read_to_string(&args[1]) {
            Ok(text) => print!("{text}"),
            Err(error) => println!("{:?}", error.kind()),
        },
        Some("write") => println!("{:?}", fs::write(&args[1], "written").map_err(|error| error.kind())),
        _ => {
            println!("{args:?}");
            let mut variables: Vec<_> = env::vars().collect();
            variables.sort();
            println!("{variables:?}");
            eprintln!("to standard error");
        }
    }
}

fn done(result: io::Result<()>) {
    if let Err(error) = result {
        println!("{error}");
        process::exit(1);
    }
}

/// What leads up, and links.
fn links(folder: &str) -> io::Result<()> {
    let at = |name: &str| format!("{folder}/{name}");
    fs::create_dir(at("inside"))?;
    fs::write(at("inside/../a.txt"), "one")?;
    println!("{}", fs::read_to_string(at("inside/../a.txt"))?);
    println!("{:?}", fs::read(at("../a.txt")).is_err());
    println!("{:?}", fs::read(at("inside/../../a.txt")).is_err());
    println!("{:?}", fs::metadata(at("inside/..")).map(|facts| facts.is_dir()).map_err(|error| error.kind()));
    for name in ["up", "link", "out", "absolute", "loop"] {
        println!("{name} {:?}", fs::read_to_string(at(name)).map_err(|_| "no"));
    }
    fs::remove_file(at("inside/../a.txt"))?;
    fs::remove_dir(at("inside"))
}

/// What waits for the disk.
fn sync(folder: &str) -> io::Result<()> {
    let mut file = fs::File::create(format!("{folder}/synced.txt"))?;
    file.write_all(b"synced")?;
    file.sync_data()?;
    file.sync_all()?;
    println!("{}", fs::read_to_string(format!("{folder}/synced.txt"))?);
    fs::remove_file(format!("{folder}/synced.txt"))
}

fn files(folder: &str) -> io::Result<()> {
    let at = |name: &str| format!("{folder}/{name}");
    fs::create_dir(at("inside"))?;
    fs::write(at("inside/a.txt"), "one\n")?;
    let mut file = fs::OpenOptions::new().append(true).open(at("inside/a.txt"))?;
    file.write_all(b"two\n")?;
    fs::rename(at("inside/a.txt"), at("inside/b.txt"))?;
    print!("{}", fs::read_to_string(at("inside/b.txt"))?);
    println!("{}", fs::metadata(at("inside/b.txt"))?.len());
    for entry in fs::read_dir(at("inside"))? {
        println!("{}", entry?.file_name().to_string_lossy());
    }
    println!("{:?}", fs::read(at("none")).map_err(|error| error.kind()));
    fs::remove_file(at("inside/b.txt"))?;
    fs::remove_dir(at("inside"))?;
    println!("{}", fs::read_dir(folder)?.count());
    Ok(())
}
