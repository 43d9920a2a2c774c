use proptest::prelude::*;
use tokio::net::TcpListener;

use super::*;

/// Answers each line that a client sends with the next of the script's; the first is the greeting.
pub(super) async fn served(script: &'static [&'static str]) -> Line {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for answer in script {
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
        }
    });
    Line {
        stream: BufReader::new(TcpStream::connect(address).await.unwrap()),
    }
}

#[tokio::test]
async fn smtp_says_who_answered() {
    let mut line = served(&["220 mailb.lab.example ESMTP\r\n"]).await;
    assert_eq!(smtp_greeting(&mut line).await.unwrap(), "mailb");
}

#[tokio::test]
async fn ftp_says_who_answered_in_several_lines() {
    let mut line = served(&["220-ftp\r\n220 \r\n"]).await;
    assert_eq!(ftp_greeting(&mut line).await.unwrap(), "ftp");
}

#[tokio::test]
async fn a_refusal_is_no_answer() {
    let mut line = served(&["421 too busy\r\n"]).await;
    let error = smtp_greeting(&mut line).await.unwrap_err();
    assert_eq!(error.to_string(), "unexpected answer \"421 too busy\"");
}

#[tokio::test]
async fn a_greeting_cut_short_is_no_answer() {
    let mut line = served(&["220 mai"]).await;
    line.write("\n").await.unwrap();
    assert!(smtp_greeting(&mut line).await.is_err());
}

#[tokio::test]
async fn http_says_who_answered() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\nx-lab-server: webb\r\n\r\nhello";
    let mut line = served(&[PAGE]).await;
    // The script ends with the request's first line; the page's end is the connection's end.
    let name = http(&mut line, "/", "web.lab", "X-Lab-Server").await;
    assert_eq!(name.unwrap(), "webb");
}

#[tokio::test]
async fn a_page_of_an_error_is_no_answer() {
    let mut line = served(&["HTTP/1.1 503 Service Unavailable\r\n\r\n"]).await;
    assert!(
        http(&mut line, "/", "web.lab", "X-Lab-Server")
            .await
            .is_err()
    );
}

#[test]
fn the_passive_port_is_found() {
    let text = "Entering Passive Mode (10,77,0,103,156,64).";
    assert_eq!(passive_port(text).unwrap(), 156 * 256 + 64);
    for wrong in [
        "",
        "()",
        "(1,2,3,4,5)",
        "(1,2,3,4,5,256)",
        "(1,2,3,4,5,6,7)",
        "1,2",
    ] {
        assert!(passive_port(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_answer_to_pasv_is_read_or_refused(text in ".{0,40}") {
        let _ = passive_port(&text);
    }
}
