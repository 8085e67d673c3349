// What a guest does that means harm, or is careless. Each scenario prints what it was told.
use crate::files::{names, open, root};
use crate::print;
use std::future::IntoFuture;
use wasip3::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use wasip3::{cli, clocks, wit_stream};

fn loopback(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) })
}

/// Opens streams, reads none and keeps all.
pub async fn hoard(times: u32) {
    let mut kept = Vec::new();
    for _ in 0..times {
        kept.push(cli::stdin::read_via_stream());
    }
    print(&format!("{}\n", kept.len())).await;
}

/// Gives streams to the host, writes nothing and keeps all.
pub async fn promise(times: u32) {
    let mut kept = Vec::new();
    for _ in 0..times {
        let (tx, rx) = wit_stream::new::<u8>();
        kept.push((tx, cli::stdout::write_via_stream(rx)));
    }
    print(&format!("{}\n", kept.len())).await;
}

/// Drops the two parts of a stream at each point.
pub async fn drops(times: u32) {
    let folder = root();
    let file = open(&folder, "there.txt", OpenFlags::empty()).await.unwrap();
    for _ in 0..times {
        let (stream, ended) = file.read_via_stream(0);
        drop(stream);
        drop(ended);
        let (stream, ended) = file.read_via_stream(0);
        drop(ended);
        drop(stream);
        let (mut stream, ended) = file.read_via_stream(0);
        let (_, some) = stream.read(Vec::with_capacity(2)).await;
        assert_eq!(some, b"th");
        drop(stream);
        ended.await.unwrap();
        let (stream, ended) = file.read_via_stream(0);
        drop(ended);
        assert_eq!(stream.collect().await, b"there");
        let (mut tx, rx) = wit_stream::new();
        let written = file.append_via_stream(rx);
        drop(written);
        tx.write_all(vec![]).await;
        drop(tx);
        let (tx, rx) = wit_stream::new::<u8>();
        let written = file.append_via_stream(rx);
        drop(tx);
        written.await.unwrap();
    }
    print("dropped\n").await;
}

/// Reads one entry of a folder and drops the stream, more often than a store may list folders at a time.
pub async fn listings(times: u32) {
    let folder = root();
    for _ in 0..times {
        let (mut entries, ended) = folder.read_directory();
        assert!(entries.next().await.is_some());
        drop(entries);
        ended.await.unwrap();
    }
    print(&format!("{:?}\n", names(&folder).await.is_ok())).await;
    let mut kept: Vec<_> = (0..20).map(|_| folder.read_directory()).collect();
    let (_, ended) = kept.pop().unwrap();
    print(&format!("{:?}\n", ended.await)).await;
}

/// Writes where the host no longer reads.
pub async fn closed() {
    let folder = root();
    let readable = folder
        .open_at(PathFlags::empty(), "there.txt".into(), OpenFlags::empty(), DescriptorFlags::READ)
        .await
        .unwrap();
    let (mut tx, rx) = wit_stream::new();
    let written = readable.write_via_stream(rx, 0);
    let left = tx.write_all(b"never".to_vec()).await;
    drop(tx);
    print(&format!("{} {:?}\n", left.len(), written.await)).await;
    // The stream may be dropped before anything of it was read, and the file before its streams.
    let file = open(&folder, "there.txt", OpenFlags::empty()).await.unwrap();
    let (stream, ended) = file.read_via_stream(0);
    drop(file);
    print(&format!("{}\n", String::from_utf8_lossy(&stream.collect().await))).await;
    print(&format!("{:?}\n", ended.await)).await;
}

/// Exits while everything is open.
pub async fn exits() {
    let input = cli::stdin::read_via_stream();
    let (mut tx, rx) = wit_stream::new();
    let output = cli::stdout::write_via_stream(rx);
    tx.write_all(b"before\n".to_vec()).await;
    let server = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    server.bind(loopback(0)).unwrap();
    let connections = server.listen().unwrap();
    let waiting = Box::pin(clocks::monotonic_clock::wait_for(u64::MAX));
    let reading = Box::pin(async { input.0.collect().await });
    let soon = Box::pin(clocks::monotonic_clock::wait_for(1));
    futures::future::select(futures::future::select(waiting, reading), soon).await;
    cli::exit::exit_with_code(3);
    drop((output, connections));
}

/// Waits for what never comes.
pub async fn forever() {
    futures::join!(
        clocks::monotonic_clock::wait_for(u64::MAX),
        clocks::monotonic_clock::wait_until(u64::MAX),
    );
}

/// Listens and takes no connection, until standard input ends.
pub async fn flooded(port: u16) {
    let server = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    server.bind(loopback(port)).unwrap();
    let mut connections = server.listen().unwrap();
    let (input, _) = cli::stdin::read_via_stream();
    input.collect().await;
    let mut taken = Vec::new();
    while let Some(Some(socket)) = futures::FutureExt::now_or_never(Box::pin(connections.next())) {
        taken.push(socket);
    }
    print(&format!("{}\n", taken.len() <= 16)).await;
}

/// Connects and tells how receiving ends.
pub async fn receives(port: u16) {
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    socket.connect(loopback(port)).await.unwrap();
    print("connected\n").await;
    let (stream, ended) = socket.receive();
    // The streams keep the connection.
    drop(socket);
    let bytes = stream.collect().await;
    print(&format!("{} {:?}\n", String::from_utf8_lossy(&bytes), ended.await)).await;
}

/// Prints both clocks, waits a second, and prints them again.
pub async fn times() {
    for _ in 0..2 {
        let (mark, now) = (clocks::monotonic_clock::now(), clocks::system_clock::now());
        print(&format!("{} {}\n", mark / 1_000_000, now.seconds)).await;
        clocks::monotonic_clock::wait_for(1_000_000_000).await;
    }
}

/// Writes much, faster than anybody reads.
pub async fn floods(bytes: usize) {
    let (mut tx, rx) = wit_stream::new();
    let (written, left) = futures::join!(cli::stdout::write_via_stream(rx).into_future(), async move {
        tx.write_all(vec![b'x'; bytes]).await.len()
    });
    assert_eq!((written, left), (Ok(()), 0));
}
