//! Examinations against servers that are honest, rude, and hostile.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);
const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A server that lets `serve` talk to each caller.
async fn server<F, T>(serve: F) -> u16
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// A server that says `words` and then waits for the caller to hang up.
async fn says(words: &'static [u8]) -> u16 {
    server(move |mut stream| async move {
        let _ = stream.write_all(words).await;
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    })
    .await
}

async fn examine(scheme: &str, port: u16, limit: Duration) -> String {
    let check: ServiceCheck = format!("{scheme}://:{port}").parse().unwrap();
    check.examine(LOOPBACK, limit).await.to_string()
}

#[tokio::test]
async fn honest_greetings_are_well() {
    for (scheme, words) in [
        ("tcp", "".as_bytes()),
        ("smtp", b"220 mail ESMTP\r\n"),
        ("smtp", b"220-mail\r\n220-no spam\r\n220 ready\r\n"),
        ("smtp", b"220\n"),
        (
            "ftp",
            b"220-Welcome\r\n 220 is not the end\r\nany text\r\n220 ready\r\n",
        ),
        ("imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        ("imap", b"* PREAUTH hello\r\n"),
        ("pop3", b"+OK\r\n"),
        ("ssh", b"hello\r\nSSH-2.0-OpenSSH_9.2\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("http", b"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n"),
    ] {
        let port = says(words).await;
        assert_eq!(
            examine(scheme, port, LONG).await,
            "well",
            "{scheme} {words:?}"
        );
    }
}

#[tokio::test]
async fn unhealthy_greetings_fail_with_what_was_said() {
    for (scheme, words, complaint) in [
        ("smtp", "554 no service\r\n".as_bytes(), "554 no service"),
        ("smtp", b"2200 x\r\n", "2200 x"),
        ("ftp", b"120 in a minute\r\n", "120 in a minute"),
        ("ftp", b"421 too many\r\n", "421 too many"),
        ("imap", b"* BYE overloaded\r\n", "* BYE overloaded"),
        ("imap", b"* OKAY\r\n", "* OKAY"),
        ("pop3", b"-ERR\r\n", "-ERR"),
        ("ssh", b"SSH-1.5-old\r\n", "SSH-1.5-old"),
        ("http", b"HTTP/1.1 503 Busy\r\n\r\n", "503"),
        ("http", b"220 mail ESMTP\r\n", "expected an HTTP answer"),
        ("smtp", b"\xff\xfe\x00\r\n", "expected an SMTP greeting"),
    ] {
        let port = says(words).await;
        let verdict = examine(scheme, port, LONG).await;
        assert!(
            verdict.starts_with("fails:"),
            "{scheme} {words:?}: {verdict}"
        );
        assert!(verdict.contains(complaint), "{scheme} {words:?}: {verdict}");
    }
}

#[tokio::test]
async fn an_expected_status_is_the_only_one_that_is_well() {
    let port = says(b"HTTP/1.1 401 Who are you\r\n\r\n").await;
    for (status, well) in [(401, true), (200, false)] {
        let check: ServiceCheck = format!("http://:{port}/x#{status}").parse().unwrap();
        let verdict = check.examine(LOOPBACK, LONG).await;
        assert_eq!(!verdict.fails(), well, "{verdict}");
    }
}

#[tokio::test]
async fn silence_and_a_slow_drip_end_with_the_time() {
    let silent = says(b"").await;
    let slow = server(|mut stream| async move {
        while stream.write_all(b"2").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    for port in [silent, slow] {
        for scheme in ["smtp", "http", "imap", "ssh"] {
            let verdict = examine(scheme, port, SHORT).await;
            let dripped = scheme == "http" && port == slow;
            let expected = if dripped {
                "an HTTP answer"
            } else {
                "within 0.2 s"
            };
            assert!(verdict.contains(expected), "{scheme}: {verdict}");
        }
    }
}

#[tokio::test]
async fn endless_answers_are_cut() {
    let line =
        server(|mut stream| async move { while stream.write_all(&[b'2'; 1000]).await.is_ok() {} })
            .await;
    let lines =
        server(
            |mut stream| async move { while stream.write_all(b"220-more\r\n").await.is_ok() {} },
        )
        .await;
    let headers = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
    })
    .await;
    for (scheme, port, max) in [
        ("smtp", line, "4096 bytes"),
        ("ssh", line, "4096 bytes"),
        ("smtp", lines, "32768 bytes"),
        ("ssh", lines, "32768 bytes"),
        ("http", headers, "32768 bytes"),
    ] {
        let verdict = examine(scheme, port, LONG).await;
        assert!(verdict.contains(max), "{scheme}: {verdict}");
    }
}

#[tokio::test]
async fn hanging_up_and_not_listening_fail() {
    let rude = server(|stream| async move { drop(stream) }).await;
    let verdict = examine("imap", rude, LONG).await;
    assert!(
        verdict.contains("closed") || verdict.contains("broke"),
        "{verdict}"
    );

    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let verdict = examine("tcp", port, LONG).await;
    assert!(verdict.contains("no connection to 127.0.0.1"), "{verdict}");
}

#[tokio::test]
async fn plugins_follow_their_guidelines() {
    for (script, verdict) in [
        ("echo fine; exit 0", "well"),
        ("echo 'slow | time=3s'; exit 1", "well, but: slow"),
        ("echo 'dead'; exit 2", "fails: dead"),
        ("echo 'bad option' >&2; exit 3", "not examined: bad option"),
        ("exit 4", "not examined: /bin/sh: exit status: 4: "),
        ("kill -9 $$", "not examined: /bin/sh: signal: 9 (SIGKILL): "),
        ("test {address} = 127.0.0.1 || exit 2", "well"),
    ] {
        let line = format!("exec:/bin/sh -c \"{}\"", script.replace('$', "\\$"));
        let check: ServiceCheck = line.parse().unwrap();
        assert_eq!(
            check.examine(LOOPBACK, LONG).await.to_string(),
            verdict,
            "{script}"
        );
    }
}

#[tokio::test]
async fn a_plugin_that_hangs_fails_and_one_that_is_missing_says_nothing() {
    let check: ServiceCheck = "exec:/bin/sleep 1000".parse().unwrap();
    assert!(check.examine(LOOPBACK, SHORT).await.fails());
    let check: ServiceCheck = "exec:/nonexistent/check".parse().unwrap();
    assert!(!check.examine(LOOPBACK, LONG).await.fails());
}
