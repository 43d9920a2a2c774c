//! Lines of comma-separated values.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A field as CSV wants it (RFC 4180): quoted when it contains what would end it.
pub(crate) fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Makes a file with a header, and the folder that it lies in.
pub(crate) fn create(path: &Path, header: &str) -> io::Result<BufWriter<File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{header}")?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn only_what_needs_it_is_quoted() {
        assert_eq!(field("web"), "web");
        assert_eq!(field("no, \"never\""), "\"no, \"\"never\"\"\"");
    }
}
