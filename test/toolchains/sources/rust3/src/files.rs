// Files: streams both ways, listings, and paths that lead out of the folder.
use crate::print;
use std::future::IntoFuture;
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use wasip3::wit_stream;

const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;

pub fn root() -> Descriptor {
    preopens::get_directories().remove(0).0
}

pub async fn open(folder: &Descriptor, path: &str, flags: OpenFlags) -> Result<Descriptor, ErrorCode> {
    let both = DescriptorFlags::READ | DescriptorFlags::WRITE;
    folder.open_at(FOLLOW, path.into(), flags, both).await
}

pub async fn read(file: &Descriptor, offset: u64) -> Result<String, ErrorCode> {
    let (stream, ended) = file.read_via_stream(offset);
    let bytes = stream.collect().await;
    ended.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes at an offset, or appends.
pub async fn write(file: &Descriptor, text: &str, offset: Option<u64>) -> Result<(), ErrorCode> {
    let (mut tx, rx) = wit_stream::new();
    let written = match offset {
        Some(offset) => file.write_via_stream(rx, offset),
        None => file.append_via_stream(rx),
    };
    let (result, _) = futures::join!(written.into_future(), async move {
        tx.write_all(text.as_bytes().to_vec()).await
    });
    result
}

pub async fn names(folder: &Descriptor) -> Result<Vec<String>, ErrorCode> {
    let (entries, ended) = folder.read_directory();
    let mut names: Vec<_> = entries
        .collect()
        .await
        .into_iter()
        .map(|each| format!("{}{}", each.name, if matches!(each.type_, DescriptorType::Directory) { "/" } else { "" }))
        .collect();
    ended.await?;
    names.sort();
    Ok(names)
}

pub async fn files() -> Result<(), ErrorCode> {
    let folder = root();
    let file = open(&folder, "a.txt", OpenFlags::CREATE | OpenFlags::EXCLUSIVE).await?;
    write(&file, "one two", Some(0)).await?;
    write(&file, " three", None).await?;
    write(&file, "ONE", Some(0)).await?;
    print(&format!("{}|{}\n", read(&file, 0).await?, read(&file, 4).await?)).await;
    print(&format!("{} {:?}\n", read(&file, 1_000).await?.len(), file.get_type().await?)).await;
    file.set_size(3).await?;
    let stat = file.stat().await?;
    print(&format!("{} {:?} {}\n", stat.size, stat.type_, stat.data_modification_timestamp.is_some())).await;
    file.set_times(NewTimestamp::NoChange, NewTimestamp::Timestamp(wasip3::clocks::system_clock::Instant { seconds: 1_000_000_000, nanoseconds: 0 })).await?;
    let changed = folder.stat_at(FOLLOW, "a.txt".into()).await?.data_modification_timestamp;
    print(&format!("{:?}\n", changed.map(|each| each.seconds))).await;
    file.sync().await?;
    file.sync_data().await?;
    folder.create_directory_at("inner".into()).await?;
    folder.rename_at("a.txt".into(), &folder, "inner/b.txt".into()).await?;
    folder.link_at(PathFlags::empty(), "inner/b.txt".into(), &folder, "c.txt".into()).await?;
    let linked = open(&folder, "c.txt", OpenFlags::empty()).await?;
    print(&format!("{} {}\n", linked.is_same_object(&file).await, linked.is_same_object(&folder).await)).await;
    let hashes = (file.metadata_hash().await?, folder.metadata_hash_at(FOLLOW, "c.txt".into()).await?);
    print(&format!("{}\n", hashes.0.lower == hashes.1.lower)).await;
    print(&format!("{:?}\n", names(&folder).await?)).await;
    let inner = folder.open_at(FOLLOW, "inner".into(), OpenFlags::DIRECTORY, DescriptorFlags::READ).await?;
    print(&format!("{:?} {:?}\n", names(&inner).await?, inner.get_flags().await?)).await;
    for path in ["inner/b.txt", "c.txt"] {
        folder.unlink_file_at(path.into()).await?;
    }
    folder.remove_directory_at("inner".into()).await?;
    print(&format!("{:?}\n", names(&folder).await?)).await;
    failures(&folder).await;
    Ok(())
}

/// What goes wrong, each with its code.
async fn failures(folder: &Descriptor) {
    let readable = folder
        .open_at(FOLLOW, "there.txt".into(), OpenFlags::empty(), DescriptorFlags::READ)
        .await
        .unwrap();
    print(&format!("{:?}\n", write(&readable, "x", Some(0)).await)).await;
    print(&format!("{:?}\n", read(folder, 0).await)).await;
    print(&format!("{:?}\n", names(&readable).await)).await;
    print(&format!("{:?}\n", open(folder, "missing", OpenFlags::empty()).await.err())).await;
    print(&format!("{:?}\n", open(folder, "there.txt", OpenFlags::CREATE | OpenFlags::EXCLUSIVE).await.err())).await;
    print(&format!("{:?}\n", folder.remove_directory_at("there.txt".into()).await)).await;
    print(&format!("{:?}\n", folder.unlink_file_at("none".into()).await)).await;
}

/// What leads up and out, and links.
pub async fn links() {
    let folder = root();
    for path in ["link", "up", "out", "absolute", "loop", "../secret.txt", "/etc/hostname"] {
        let opened = open(&folder, path, OpenFlags::empty()).await;
        let text = match opened {
            Ok(file) => read(&file, 0).await.map_err(|_| "no"),
            Err(_) => Err("no"),
        };
        print(&format!("{path} {text:?}\n")).await;
    }
    let _ = folder.symlink_at("../secret.txt".into(), "made".into()).await;
    print(&format!("{}\n", open(&folder, "made", OpenFlags::empty()).await.is_err())).await;
    print(&format!("{}\n", folder.rename_at("there.txt".into(), &folder, "../there.txt".into()).await.is_err())).await;
    print(&format!("{:?}\n", folder.readlink_at("link".into()).await)).await;
}
