//! HTTP: one GET, and the status of the answer.

use tokio::io::{AsyncRead, AsyncWrite};

use super::talk::{Complaint, Talk};

/// Most header lines that an answer may have.
const HEADERS_MAX: usize = 64;

/// Asks for `path` and looks at the head of the answer. Without `expect` a status from 200 to 399 is
/// well: a service that points elsewhere is at work.
pub(super) async fn examine<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    path: &str,
    expect: Option<u16>,
) -> Result<(), Complaint> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tetrarch/{}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut talk = Talk::new(stream);
    talk.say(request.as_bytes()).await?;
    let status = status(&mut talk).await?;
    match expect {
        Some(expect) if expect == status => Ok(()),
        None if (200..400).contains(&status) => Ok(()),
        Some(expect) => Err(Complaint::Unexpected {
            expected: format!("HTTP status {expect}"),
            found: status.to_string(),
        }),
        None => Err(Complaint::Unexpected {
            expected: "an HTTP status from 200 to 399".to_owned(),
            found: status.to_string(),
        }),
    }
}

/// Reads until the head of the final answer is complete. Interim answers (status 1xx) cannot come,
/// since the request expects none; one that does is taken as it is.
async fn status<S: AsyncRead + AsyncWrite + Unpin>(
    talk: &mut Talk<'_, S>,
) -> Result<u16, Complaint> {
    loop {
        let read = talk.more("the head of an HTTP answer").await?;
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(read) {
            Ok(httparse::Status::Complete(_)) => {
                // A complete answer always has a status.
                return answer
                    .code
                    .ok_or_else(|| Complaint::unexpected("an HTTP status", read));
            }
            Ok(httparse::Status::Partial) => {}
            Err(error) => {
                return Err(Complaint::unexpected(
                    format!("an HTTP answer ({error})"),
                    read,
                ));
            }
        }
    }
}
