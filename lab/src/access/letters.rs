//! Numbered letters: delivered to the mail function by SMTP, and read from it by IMAP.

use std::time::Duration;

use super::{AccessError, Line, Outcome, Target, envelope, inbox};

/// The longest that a whole mailbox may take to be read.
const READ_MAX: Duration = Duration::from_secs(60);

/// What the letters of one series have in their subjects before their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Series(pub(crate) u64);

impl Series {
    fn subject(self, number: u32) -> String {
        format!("Subject: lab {} {number}", self.0)
    }

    /// The number of the letter of this series that has this line in its header.
    fn number(self, header: &str) -> Option<u32> {
        let rest = header.strip_prefix("Subject: lab ")?;
        let (series, number) = rest.split_once(' ')?;
        (series == self.0.to_string())
            .then(|| number.parse().ok())
            .flatten()
    }
}

/// Delivers a letter, and says who has accepted it.
pub(crate) async fn deliver(target: Target, series: Series, number: u32) -> Outcome<String> {
    let work = async {
        let (mut line, name) = envelope(&target).await?;
        post(&mut line, series, number).await?;
        // It is accepted, whether or not the farewell is heard.
        let _ = line.write("QUIT\r\n").await;
        Ok(name)
    };
    tokio::time::timeout(target.total_max, work)
        .await
        .map_err(|_| AccessError::Timeout)?
}

async fn post(line: &mut Line, series: Series, number: u32) -> Outcome<()> {
    line.ask("DATA", "354").await?;
    let subject = series.subject(number);
    let letter = format!(
        "From: <client@lab.example>\r\nTo: <user@lab.example>\r\n{subject}\r\n\r\nLetter {number}.\r\n."
    );
    line.ask(&letter, "250").await.map(drop)
}

/// The numbers of all letters of `series` in the mailbox, in its order.
pub(crate) async fn read(target: Target, series: Series) -> Outcome<Vec<u32>> {
    let work = async {
        let (mut line, inbox) = inbox(&target).await?;
        // An empty mailbox has no range of letters.
        if inbox.letters == 0 {
            return Ok(Vec::new());
        }
        let numbers = subjects(&mut line, series).await?;
        let _ = line.write("d LOGOUT\r\n").await;
        Ok(numbers)
    };
    tokio::time::timeout(READ_MAX, work)
        .await
        .map_err(|_| AccessError::Timeout)?
}

async fn subjects(line: &mut Line, series: Series) -> Outcome<Vec<u32>> {
    line.write("c FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n")
        .await?;
    let mut numbers = Vec::new();
    loop {
        let answer = line.read().await?;
        if answer.starts_with("c OK") {
            return Ok(numbers);
        } else if answer.starts_with("c ") {
            return Err(AccessError::Answer(answer));
        }
        numbers.extend(series.number(&answer));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::served;
    use super::*;

    const SERIES: Series = Series(17);

    #[tokio::test]
    async fn a_letter_is_accepted_only_by_the_last_word() {
        let mut line = served(&["220 mail\r\n", "354 go on\r\n"]).await;
        line.expect("220").await.unwrap();
        // The server's script is over: the connection ends before it has taken the letter.
        assert!(post(&mut line, SERIES, 3).await.is_err());
    }

    #[tokio::test]
    async fn letters_of_the_series_are_found_as_often_as_they_are_there() {
        const ANSWER: &str = "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}\r\nSubject: lab 17 2\r\n\r\n)\r\n\
            * 2 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}\r\nSubject: lab 1 9\r\n\r\n)\r\n\
            * 3 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}\r\nSubject: lab 17 2\r\n\r\n)\r\nc OK done\r\n";
        let mut line = served(&[ANSWER]).await;
        assert_eq!(subjects(&mut line, SERIES).await.unwrap(), [2, 2]);
    }

    #[tokio::test]
    async fn a_refusal_is_no_empty_mailbox() {
        let mut line = served(&["c BAD no such letters\r\n"]).await;
        assert!(subjects(&mut line, SERIES).await.is_err());
    }

    #[test]
    fn a_subject_gives_its_number_back() {
        assert_eq!(SERIES.number(&SERIES.subject(40)), Some(40));
        for other in [
            "Subject: lab 170 1",
            "Subject: lab 17",
            "Subject: lab 17 x",
            "lab 17 1",
        ] {
            assert_eq!(SERIES.number(other), None, "{other}");
        }
    }
}
