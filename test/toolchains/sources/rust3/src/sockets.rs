// Sockets of loopback: a server and its clients, datagrams, and what goes wrong.
use crate::print;
use std::future::IntoFuture;
use wasip3::sockets::ip_name_lookup;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};
use wasip3::wit_stream;

fn loopback(port: u16) -> IpSocketAddress {
    place((127, 0, 0, 1), port)
}

fn place(address: (u8, u8, u8, u8), port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

fn port_of(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(address) => address.port,
        IpSocketAddress::Ipv6(address) => address.port,
    }
}

async fn send(socket: &TcpSocket, text: &str) -> Result<(), ErrorCode> {
    let (mut tx, rx) = wit_stream::new();
    let (sent, _) = futures::join!(socket.send(rx).into_future(), async move {
        tx.write_all(text.as_bytes().to_vec()).await
    });
    sent
}

async fn receive(socket: &TcpSocket) -> Result<String, ErrorCode> {
    let (stream, ended) = socket.receive();
    let bytes = stream.collect().await;
    ended.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Answers each of some connections with what came, doubled.
pub async fn tcp() {
    let server = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    server.bind(loopback(0)).unwrap();
    let port = port_of(server.get_local_address().unwrap());
    let mut connections = server.listen().unwrap();
    print(&format!("{} {}\n", port > 0, server.get_is_listening())).await;
    let serve = async {
        for _ in 0..3 {
            let socket = connections.next().await.unwrap();
            let text = receive(&socket).await.unwrap();
            send(&socket, &format!("{text}{text}")).await.unwrap();
        }
    };
    let ask = async {
        for text in ["one", "two", "three"] {
            let client = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
            client.connect(loopback(port)).await.unwrap();
            assert_eq!(port_of(client.get_remote_address().unwrap()), port);
            send(&client, text).await.unwrap();
            print(&format!("{:?}\n", receive(&client).await)).await;
        }
    };
    futures::join!(serve, ask);
    tcp_failures(port).await;
}

async fn tcp_failures(port: u16) {
    let create = || TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    let unused = create();
    print(&format!("{:?}\n", receive(&unused).await)).await;
    print(&format!("{:?}\n", send(&unused, "x").await)).await;
    print(&format!("{:?}\n", unused.get_local_address().err())).await;
    print(&format!("{:?}\n", unused.get_remote_address().err())).await;
    print(&format!("{:?}\n", unused.connect(loopback(0)).await)).await;
    print(&format!("{:?}\n", create().connect(place((0, 0, 0, 0), 80)).await)).await;
    print(&format!("{:?}\n", create().connect(place((224, 0, 0, 1), 80)).await)).await;
    print(&format!("{:?}\n", create().bind(place((255, 255, 255, 255), 0)))).await;
    print(&format!("{:?}\n", create().bind(loopback(port)))).await;
    print(&format!("{:?}\n", create().set_keep_alive_idle_time(0))).await;
    print(&format!("{:?}\n", create().set_listen_backlog_size(0))).await;
    let bound = create();
    bound.bind(loopback(0)).unwrap();
    print(&format!("{:?}\n", bound.bind(loopback(0)))).await;
    let closed = port_of(bound.get_local_address().unwrap());
    drop(bound);
    print(&format!("{:?}\n", create().connect(loopback(closed)).await)).await;
}

pub async fn udp() {
    let one = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    let other = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    print(&format!("{:?}\n", one.receive().await.err())).await;
    one.bind(loopback(0)).unwrap();
    other.bind(loopback(0)).unwrap();
    let (here, there) = (one.get_local_address().unwrap(), other.get_local_address().unwrap());
    one.send(b"to the other".to_vec(), Some(there)).await.unwrap();
    let (bytes, from) = other.receive().await.unwrap();
    print(&format!("{} {}\n", String::from_utf8_lossy(&bytes), port_of(from) == port_of(here))).await;
    print(&format!("{:?}\n", other.send(b"nowhere".to_vec(), None).await)).await;
    other.connect(here).unwrap();
    print(&format!("{}\n", port_of(other.get_remote_address().unwrap()) == port_of(here))).await;
    other.send(b"and back".to_vec(), None).await.unwrap();
    print(&format!("{}\n", String::from_utf8_lossy(&one.receive().await.unwrap().0))).await;
    print(&format!("{:?}\n", other.send(b"x".to_vec(), Some(there)).await)).await;
    print(&format!("{:?} {:?}\n", other.disconnect(), other.disconnect())).await;
    print(&format!("{:?}\n", other.send(b"x".to_vec(), Some(loopback(0))).await)).await;
    print(&format!("{:?}\n", one.bind(loopback(0)))).await;
    let unbound = UdpSocket::create(IpAddressFamily::Ipv4).unwrap();
    unbound.send(b"from anywhere".to_vec(), Some(here)).await.unwrap();
    print(&format!("{}\n", String::from_utf8_lossy(&one.receive().await.unwrap().0))).await;
    print(&format!("{}\n", port_of(unbound.get_local_address().unwrap()) > 0)).await;
}

pub async fn names() {
    for name in ["127.0.0.1", "::1", "a b", ""] {
        print(&format!("{:?}\n", ip_name_lookup::resolve_addresses(name.into()).await)).await;
    }
}
