//! One access to a function, in its own protocol, as a client makes it.

pub(crate) mod letters;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::group::Function;

/// How far an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Depth {
    /// To the first words of the service: light enough for a hundred a second.
    Greet,
    /// A whole transaction: SMTP to an accepted recipient and an IMAP login, a file over FTP.
    Full,
}

/// Where an access goes and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) function: Function,
    pub(crate) address: Ipv4Addr,
    pub(crate) depth: Depth,
    /// Below a second, or a connection whose first packet was lost would be counted as one that came
    /// up when the kernel sends that packet again.
    pub(crate) connect_max: Duration,
    pub(crate) total_max: Duration,
    /// The web server of the outside world, which the proxy is asked to fetch from.
    pub(crate) origin: SocketAddrV4,
}

/// Why a client did not get what it wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("no connection in time")]
    ConnectTimeout,
    #[error("no answer in time")]
    Timeout,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("unexpected answer {0:?}")]
    Answer(String),
    #[error("SMTP by {smtp}, IMAP by {imap}")]
    Mixed { smtp: String, imap: String },
}

type Outcome<T> = Result<T, AccessError>;

/// An answer longer than this is not one of the lab's.
const LINE_BYTES_MAX: u64 = 4096;

/// Makes one access and says who answered: a server's name, or its virtual server's.
pub(crate) async fn access(target: Target) -> Outcome<String> {
    let work = async {
        match (target.function, target.depth) {
            (Function::Mail, Depth::Greet) => smtp_greeting(&mut open(&target, 25).await?).await,
            (Function::Mail, Depth::Full) => mail(&target).await,
            (Function::Web, _) => web(&target).await,
            (Function::Ftp, Depth::Greet) => ftp_greeting(&mut open(&target, 21).await?).await,
            (Function::Ftp, Depth::Full) => ftp(&target).await,
            (Function::Proxy, _) => proxy(&target).await,
        }
    };
    tokio::time::timeout(target.total_max, work)
        .await
        .map_err(|_| AccessError::Timeout)?
}

/// A connection that speaks in lines.
struct Line {
    stream: BufReader<TcpStream>,
}

async fn open(target: &Target, port: u16) -> Outcome<Line> {
    let connect = TcpStream::connect((target.address, port));
    let stream = tokio::time::timeout(target.connect_max, connect)
        .await
        .map_err(|_| AccessError::ConnectTimeout)??;
    // Each line waits for an answer; nothing is won by collecting them.
    stream.set_nodelay(true)?;
    Ok(Line {
        stream: BufReader::new(stream),
    })
}

impl Line {
    async fn read(&mut self) -> Outcome<String> {
        let mut text = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut text).await?;
        let text = String::from_utf8_lossy(&text);
        if !text.ends_with('\n') {
            return Err(AccessError::Answer(text.into_owned()));
        }
        Ok(text.trim_end().to_owned())
    }

    async fn write(&mut self, text: &str) -> Outcome<()> {
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    /// Reads an answer of SMTP or FTP, which may have several lines, and wants its code to begin
    /// with `code`. Returns the text of its first line.
    async fn expect(&mut self, code: &str) -> Outcome<String> {
        let first = self.read().await?;
        let mut last = first.clone();
        while last.as_bytes().get(3) == Some(&b'-') {
            last = self.read().await?;
        }
        if !last.starts_with(code) {
            return Err(AccessError::Answer(last));
        }
        Ok(first.get(4..).unwrap_or_default().to_owned())
    }

    async fn ask(&mut self, command: &str, code: &str) -> Outcome<String> {
        self.write(command).await?;
        self.write("\r\n").await?;
        self.expect(code).await
    }
}

/// The first word of a text: servers begin their greeting with their name.
fn first_word(text: &str) -> Outcome<String> {
    let word = text.split_whitespace().next();
    word.map(str::to_owned)
        .ok_or_else(|| AccessError::Answer(text.to_owned()))
}

async fn smtp_greeting(line: &mut Line) -> Outcome<String> {
    // Postfix calls itself by a full name when it knows a domain.
    let name = first_word(&line.expect("220").await?)?;
    Ok(name.split('.').next().unwrap_or_default().to_owned())
}

async fn mail(target: &Target) -> Outcome<String> {
    let (mut line, smtp) = envelope(target).await?;
    line.ask("QUIT", "221").await?;
    let imap = imap(target).await?;
    if smtp != imap {
        return Err(AccessError::Mixed { smtp, imap });
    }
    Ok(smtp)
}

/// A talk over SMTP with a recipient that was accepted, and who answered.
async fn envelope(target: &Target) -> Outcome<(Line, String)> {
    let mut line = open(target, 25).await?;
    let name = smtp_greeting(&mut line).await?;
    line.ask("EHLO client", "250").await?;
    line.ask("MAIL FROM:<client@lab.example>", "250").await?;
    line.ask("RCPT TO:<user@lab.example>", "250").await?;
    Ok((line, name))
}

async fn imap(target: &Target) -> Outcome<String> {
    let (mut line, inbox) = inbox(target).await?;
    line.write("c LOGOUT\r\n").await?;
    Ok(inbox.name)
}

/// A mailbox that was opened.
struct Inbox {
    /// Who answered.
    name: String,
    /// How many letters are in it.
    letters: u32,
}

async fn inbox(target: &Target) -> Outcome<(Line, Inbox)> {
    let mut line = open(target, 143).await?;
    let greeting = line.read().await?;
    let name = greeting
        .strip_prefix("* OK [")
        .and_then(|rest| rest.split_once("] "))
        .ok_or_else(|| AccessError::Answer(greeting.clone()))?
        .1;
    let name = first_word(name)?;
    let mut letters = 0;
    for (tag, command) in [("a", "LOGIN user lab"), ("b", "SELECT INBOX")] {
        line.write(&format!("{tag} {command}\r\n")).await?;
        loop {
            let answer = line.read().await?;
            if answer.starts_with(&format!("{tag} OK")) {
                break;
            } else if answer.starts_with(tag) {
                return Err(AccessError::Answer(answer));
            }
            let count = answer.strip_prefix("* ");
            let count = count.and_then(|rest| rest.strip_suffix(" EXISTS"));
            letters = count.and_then(|text| text.parse().ok()).unwrap_or(letters);
        }
    }
    Ok((line, Inbox { name, letters }))
}

/// Sends a request and returns the value of the named header of an answer with status 200.
async fn http(line: &mut Line, url: &str, host: &str, header: &str) -> Outcome<String> {
    let request = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    line.write(&request).await?;
    let status = line.read().await?;
    if status.split(' ').nth(1) != Some("200") {
        return Err(AccessError::Answer(status));
    }
    let mut value = None;
    loop {
        let text = line.read().await?;
        if text.is_empty() {
            break;
        }
        if let Some((name, found)) = text.split_once(':')
            && name.eq_ignore_ascii_case(header)
        {
            value = Some(found.trim().to_owned());
        }
    }
    let mut body = Vec::new();
    (&mut line.stream)
        .take(LINE_BYTES_MAX)
        .read_to_end(&mut body)
        .await?;
    if body.is_empty() {
        return Err(AccessError::Answer("an empty page".to_owned()));
    }
    value.ok_or_else(|| AccessError::Answer(format!("no header {header}")))
}

async fn web(target: &Target) -> Outcome<String> {
    let mut line = open(target, 80).await?;
    http(&mut line, "/", "web.lab", "X-Lab-Server").await
}

async fn proxy(target: &Target) -> Outcome<String> {
    let mut line = open(target, 3128).await?;
    let origin = target.origin.to_string();
    let via = http(&mut line, &format!("http://{origin}/"), &origin, "Via").await?;
    // "1.1 proxy (squid/5.7)": version, name, program.
    let name = via.split_whitespace().nth(1);
    name.map(str::to_owned)
        .ok_or_else(|| AccessError::Answer(via.clone()))
}

async fn ftp_greeting(line: &mut Line) -> Outcome<String> {
    first_word(&line.expect("220").await?)
}

async fn ftp(target: &Target) -> Outcome<String> {
    let mut line = open(target, 21).await?;
    let name = ftp_greeting(&mut line).await?;
    line.ask("USER anonymous", "230").await?;
    let port = passive_port(&line.ask("PASV", "227").await?)?;
    let mut data = open(target, port).await?;
    line.ask("RETR hello.txt", "150").await?;
    let mut text = String::new();
    (&mut data.stream)
        .take(LINE_BYTES_MAX)
        .read_to_string(&mut text)
        .await?;
    line.expect("226").await?;
    if text.is_empty() {
        return Err(AccessError::Answer("an empty file".to_owned()));
    }
    line.ask("QUIT", "221").await?;
    Ok(name)
}

/// The port in "Entering Passive Mode (10,77,0,103,156,64).".
fn passive_port(text: &str) -> Outcome<u16> {
    let error = || AccessError::Answer(text.to_owned());
    let numbers = text.split_once('(').ok_or_else(error)?.1;
    let numbers = numbers.split_once(')').ok_or_else(error)?.0;
    let numbers: Result<Vec<u8>, _> = numbers.split(',').map(str::parse).collect();
    match numbers.map_err(|_| error())?[..] {
        [_, _, _, _, high, low] => Ok(u16::from_be_bytes([high, low])),
        _ => Err(error()),
    }
}

#[cfg(test)]
mod tests;
