//! Those who do not belong to the group, and certificates that have ended.
#![allow(
    clippy::disallowed_methods,
    reason = "certificates count by the calendar"
)]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use super::*;
use crate::peers::expiry::{WARN_BEFORE, Warning};

/// More than there are places for, and more than one machine would open by mistake.
const FLOOD: usize = 300;

/// A connection to `to` from another machine than the group's: any address of the loopback network will do.
async fn stranger(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9)), 0))?;
    socket.connect(to).await
}

/// Once server 1 listens there.
async fn first_stranger(to: SocketAddr) -> TcpStream {
    let trying = async {
        loop {
            match stranger(to).await {
                Ok(stream) => return stream,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(PATIENCE, trying).await.unwrap()
}

#[tokio::test]
async fn members_are_served_while_strangers_take_all_places() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let mut flood = vec![first_stranger(site.servers[0]).await];
    for _ in 1..FLOOD {
        flood.push(stranger(site.servers[0]).await.unwrap());
    }
    // Most of them are turned away at once, so they take no room.
    let mut turned_away = 0;
    for stream in &mut flood {
        let mut byte = [0];
        let read = timeout(Duration::from_millis(20), stream.read(&mut byte)).await;
        turned_away += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(
        turned_away >= FLOOD - entrance::HANDSHAKES_MAX,
        "{turned_away}"
    );

    // They come again and again, so that no place stays free.
    let to = site.servers[0];
    let flood = tokio::spawn(async move {
        let mut held = VecDeque::from(flood);
        loop {
            held.extend(stranger(to).await.ok());
            if held.len() > FLOOD {
                held.pop_front();
            }
        }
    });
    // A member that has to be taken, as the server knows of no place to reach it at.
    one.task.abort();
    let _ = (&mut one.task).await;
    let nowhere = free_addresses()[1];
    let mut one = end(0, &[to, nowhere], &site.files("server1"));
    sleep(Duration::from_secs(1)).await;
    let mut two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&two.network, 0, &mut one.told).await;
    message_arrives(&one.network, 1, &mut two.told).await;
    flood.abort();
}

#[tokio::test]
async fn garbage_is_cut_off_and_the_group_goes_on() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let mut two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&one.network, 1, &mut two.told).await;
    let garbage: Vec<u8> = (0..64 << 10)
        .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    // As TLS says what follows, and as nothing does.
    for begin in [
        &[22, 3, 1, 255, 255][..],
        &[0x16, 3, 3, 0x40, 0, 1, 0, 0xff, 0xff],
        &[],
    ] {
        let mut stream = stranger(site.servers[0]).await.unwrap();
        let flood = async {
            stream.write_all(begin).await?;
            loop {
                stream.write_all(&garbage).await?;
            }
        };
        let ended: Result<io::Result<()>, _> = timeout(PATIENCE, flood).await;
        assert!(matches!(ended, Ok(Err(_))), "it is read for ever");
    }
    message_arrives(&two.network, 0, &mut one.told).await;
    message_arrives(&one.network, 1, &mut two.told).await;
}

#[tokio::test]
async fn a_member_that_floods_is_cut_off() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let two = end(1, &site.servers, &site.files("server2"));
    message_arrives(&two.network, 0, &mut one.told).await;
    let credentials = Credentials::load(&site.files("server2"), &group()).unwrap();
    let stream = TcpStream::connect(site.servers[0]).await.unwrap();
    let name = credentials.name(server(0)).unwrap();
    let mut stream = credentials.connector().connect(name, stream).await.unwrap();
    let greeting = Frame::Greeting(two.network.inner.greeting).encode();
    stream.write_all(&greeting).await.unwrap();
    let (sequence, message) = (0, Message::Resumed);
    let frame = Frame::Message { sequence, message }.encode();
    let flood = async {
        loop {
            stream.write_all(&frame).await?;
        }
    };
    let ended: Result<io::Result<()>, _> = timeout(PATIENCE, flood).await;
    assert!(matches!(ended, Ok(Err(_))), "it is read for ever");
    while one.told.try_recv().is_ok() {}
    message_arrives(&two.network, 0, &mut one.told).await;
}

/// The files of `host`, with a certificate that counts until `end`.
fn files_until(site: &Site, host: &str, end: SystemTime) -> TlsFiles {
    let files = site.files(host);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.not_after = end.into();
    let authority = KeyPair::from_pem(&site.authority.pem().key).unwrap();
    let mut by = CertificateParams::default();
    by.distinguished_name = rcgen::DistinguishedName::new();
    by.distinguished_name
        .push(DnType::CommonName, "Tetrarch authority of test");
    let made = params.signed_by(&key, &Issuer::new(by, authority)).unwrap();
    fs::write(&files.certificate, made.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_told_of_and_lets_nobody_in() {
    let site = Site::new();
    let (now, day) = (SystemTime::now(), Duration::from_secs(24 * 60 * 60));
    let warning = |files: &TlsFiles| {
        let end = Credentials::load(files, &group()).unwrap().end();
        assert_eq!(end, tls::certificate_end(files).unwrap());
        end.and_then(|end| end.warning(now))
    };
    assert_eq!(warning(&site.files("server2")), None);
    let near = files_until(&site, "server2", now + day);
    assert!(matches!(warning(&near), Some(Warning::Near(_))));
    assert!(is_let_in(&site, &near).await);
    let far = files_until(&site, "server2", now + WARN_BEFORE + day);
    assert_eq!(warning(&far), None);
    let past = files_until(&site, "server2", now - day);
    assert!(matches!(warning(&past), Some(Warning::Past(_))));
    assert!(!is_let_in(&site, &past).await);
}

#[tokio::test]
async fn a_certificate_that_ends_meanwhile_counts_for_no_new_connection() {
    let site = Site::new();
    let mut one = end(0, &site.servers, &site.files("server1"));
    let soon = SystemTime::now() + Duration::from_secs(3);
    let mut two = end(1, &site.servers, &files_until(&site, "server2", soon));
    if timeout(
        Duration::from_secs(2),
        message_arrives(&two.network, 0, &mut one.told),
    )
    .await
    .is_err()
    {
        // This machine was too busy for it to be good for long enough.
        return;
    }
    sleep(Duration::from_secs(5)).await;
    // What was agreed on goes on, and what is made anew does not come to be.
    one.network.renew(one.network.inner.credentials());
    two.network.renew(two.network.inner.credentials());
    sleep(Duration::from_millis(500)).await;
    while one.told.try_recv().is_ok() {}
    for _ in 0..50 {
        two.network.send(server(0), Message::Resumed);
        one.network.send(server(1), Message::Resumed);
        sleep(Duration::from_millis(20)).await;
    }
    assert!(one.told.try_recv().is_err() && two.told.try_recv().is_err());
    // New keys help, without anything being started anew.
    let renewed = Credentials::load(&site.files("server2"), &group()).unwrap();
    two.network.renew(renewed);
    message_arrives(&two.network, 0, &mut one.told).await;
}
