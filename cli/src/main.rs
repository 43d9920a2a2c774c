//! The one binary of Tetrarch.
fn main() {}
