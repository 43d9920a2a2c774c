//! The metrics over HTTP, for a Prometheus on the same machine.
//!
//! It answers `GET /metrics` on a loopback address and nothing else. What may be asked at once, how long
//! a question may be and how long it may take are bounded.

use core::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// How many may ask at once.
const ASKING_MAX: usize = 4;

/// The longest head of a question in bytes, and the most lines in it.
const HEAD_BYTES_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 64;

/// How long a question and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause before a busy address is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Answers at `address` with what `metrics` gives, until it is dropped.
pub async fn serve<M, F>(address: SocketAddr, metrics: M)
where
    M: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = String> + Send,
{
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(why) => warn!(%address, %why, "no metrics yet"),
        }
        sleep(RETRY).await;
    };
    let asking = Arc::new(Semaphore::new(ASKING_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(why) => {
                warn!(%why, "cannot take a question for metrics");
                sleep(RETRY).await;
                continue;
            }
        };
        // Whoever is one too many is hung up on, and asks again by itself.
        let Ok(place) = Arc::clone(&asking).try_acquire_owned() else {
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let answered = timeout(PATIENCE, answer(stream, metrics)).await;
            if !matches!(answered, Ok(Ok(()))) {
                debug!(?answered, "whoever asked for metrics has gone");
            }
            drop(place);
        });
    }
}

async fn answer<M, F>(mut stream: TcpStream, metrics: M) -> io::Result<()>
where
    M: Fn() -> F,
    F: Future<Output = String>,
{
    let mut head = Vec::new();
    let status = loop {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await?;
        head.extend_from_slice(&part[..read]);
        match status(&head) {
            Some(status) => break status,
            None if read == 0 || head.len() > HEAD_BYTES_MAX => break BAD,
            None => {}
        }
    };
    let body = if status == FINE {
        metrics().await
    } else {
        format!("{status}\n")
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

const FINE: &str = "200 OK";
const BAD: &str = "400 Bad Request";

/// What to answer to the question whose head begins so; none while it is not whole yet.
fn status(head: &[u8]) -> Option<&'static str> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Partial) => None,
        Err(_) => Some(BAD),
        Ok(httparse::Status::Complete(_)) => {
            let path = request
                .path
                .unwrap_or_default()
                .split('?')
                .next()
                .unwrap_or_default();
            Some(match (request.method, path) {
                (Some("GET"), "/metrics") => FINE,
                (Some("GET"), _) => "404 Not Found",
                _ => "405 Method Not Allowed",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_once_it_is_whole() {
        for (head, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", None),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Some(FINE)),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", Some(FINE)),
            ("GET / HTTP/1.1\r\n\r\n", Some("404 Not Found")),
            (
                "POST /metrics HTTP/1.1\r\n\r\n",
                Some("405 Method Not Allowed"),
            ),
            ("metrics\r\n\r\n", Some(BAD)),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[tokio::test]
    async fn metrics_are_served_and_too_long_questions_are_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let serving = tokio::spawn(serve(address, || async { "up 1\n".to_owned() }));
        let ask = async |question: String| {
            let mut stream = loop {
                match TcpStream::connect(address).await {
                    Ok(stream) => break stream,
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            // An answer may come before the whole question has been taken.
            let _ = stream.write_all(question.as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap()
        };
        let answer = ask("GET /metrics HTTP/1.1\r\n\r\n".to_owned()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nup 1\n"), "{answer}");
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(16 << 10));
        assert!(!ask(long).await.contains("200"));
        serving.abort();
    }
}
