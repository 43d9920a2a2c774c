//! Services that greet whoever connects: SMTP, FTP, IMAP, POP3 and SSH.

use tokio::io::{AsyncRead, AsyncWrite};

use super::talk::{Complaint, Talk};

/// SMTP (RFC 5321, 4.2): the reply 220 means ready; 554 and 421 mean that it is not.
pub(super) async fn smtp<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<(), Complaint> {
    reply_220(stream, "an SMTP greeting").await
}

/// FTP (RFC 959, 4.2): the reply 220 means ready; 120 and 421 mean that it is not.
pub(super) async fn ftp<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<(), Complaint> {
    reply_220(stream, "an FTP greeting").await
}

/// IMAP (RFC 3501, 7.1): `* OK` or `* PREAUTH`; `* BYE` means that it will not serve.
pub(super) async fn imap<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<(), Complaint> {
    let mut talk = Talk::new(stream);
    let line = talk.line("an IMAP greeting").await?;
    if !begins_with_word(&line, b"* OK") && !begins_with_word(&line, b"* PREAUTH") {
        return Err(Complaint::unexpected(
            "an IMAP greeting, such as \"* OK\"",
            &line,
        ));
    }
    talk.leave(b"a LOGOUT\r\n").await;
    Ok(())
}

/// POP3 (RFC 1939, 3): `+OK`.
pub(super) async fn pop3<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<(), Complaint> {
    let mut talk = Talk::new(stream);
    let line = talk.line("a POP3 greeting").await?;
    if !begins_with_word(&line, b"+OK") {
        return Err(Complaint::unexpected(
            "a POP3 greeting, such as \"+OK\"",
            &line,
        ));
    }
    talk.leave(b"QUIT\r\n").await;
    Ok(())
}

/// SSH (RFC 4253, 4.2): a line that begins with `SSH-2.0-` or `SSH-1.99-`; other lines may precede it.
pub(super) async fn ssh<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<(), Complaint> {
    let mut talk = Talk::new(stream);
    loop {
        let line = talk.line("an SSH identification").await?;
        if line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
            return Ok(());
        }
        if line.starts_with(b"SSH-") {
            return Err(Complaint::unexpected("an identification of SSH 2", &line));
        }
    }
}

/// Reads one reply of SMTP or FTP, which may have several lines, and wants it to be 220.
async fn reply_220<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    expected: &'static str,
) -> Result<(), Complaint> {
    let mut talk = Talk::new(stream);
    let first = talk.line(expected).await?;
    if !first.starts_with(b"220") || !matches!(first.get(3), None | Some(b' ' | b'-')) {
        return Err(Complaint::unexpected(
            format!("{expected}, such as \"220 ready\""),
            &first,
        ));
    }
    if first.get(3) == Some(&b'-') {
        // FTP allows any text between the first line and the last, which repeats the code.
        while !begins_with_word(&talk.line(expected).await?, b"220") {}
    }
    talk.leave(b"QUIT\r\n").await;
    Ok(())
}

/// Whether `line` begins with `word`, followed by a space or nothing. Case does not matter (RFC 3501).
fn begins_with_word(line: &[u8], word: &[u8]) -> bool {
    line.len() >= word.len()
        && line[..word.len()].eq_ignore_ascii_case(word)
        && matches!(line.get(word.len()), None | Some(b' '))
}
