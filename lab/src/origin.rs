//! The outside world: a web server beside the client, for the proxy to fetch from.

use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 18\r\n\
    Connection: close\r\n\r\nThe outside world\n";

/// Listens on a free port of the client and answers every request until the program ends.
pub(crate) async fn serve(client: Ipv4Addr) -> std::io::Result<SocketAddrV4> {
    let listener = TcpListener::bind((client, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A proxy that goes away in the middle of a request is what drills are about.
            tokio::spawn(async move {
                let _ = answer(stream).await;
            });
        }
    });
    Ok(SocketAddrV4::new(client, port))
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    // A blank line ends the request.
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    stream.write_all(PAGE).await?;
    stream.shutdown().await
}
