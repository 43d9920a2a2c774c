use std::fs::OpenOptions;

use proptest::prelude::*;

use super::*;

const SMALL: Room = Room {
    file_bytes_max: 400,
    files_max: 3,
};

fn event(kind: Kind) -> What {
    What::Event(Happened {
        kind,
        server: "web".to_owned(),
        detail: None,
    })
}

fn fill(writer: &mut Writer, entries: u64) {
    for n in 0..entries {
        writer.append(n, 0.5, event(Kind::Served)).unwrap();
    }
}

/// Everything after `after`, as a reader gets it in turns.
fn all_after(folder: &Path, mut after: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let batch = read_after(folder, after).unwrap();
        let Some(last) = batch.entries.last() else {
            return numbers;
        };
        after = last.number;
        numbers.extend(batch.entries.iter().map(|entry| entry.number));
    }
}

#[test]
fn what_is_written_is_read_in_order_over_files_and_starts() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room {
        files_max: 100,
        ..SMALL
    };
    for _ in 0..5 {
        let mut writer = Writer::open(folder.path(), room).unwrap();
        fill(&mut writer, 7);
    }
    assert!(files(folder.path()).unwrap().len() > 3);
    let expected: Vec<u64> = (1..=35).collect();
    assert_eq!(all_after(folder.path(), 0), expected);
    assert_eq!(all_after(folder.path(), 30), expected[30..]);
    assert_eq!(all_after(folder.path(), 35), [0; 0]);
}

#[test]
fn what_the_hook_was_not_told_is_counted_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), SMALL).unwrap();
    set_delivered(folder.path(), 2).unwrap();
    fill(&mut writer, 60);
    let batch = read_after(folder.path(), 2).unwrap();
    let first = batch.entries[0].number;
    let dropped = batch.dropped.unwrap();
    assert_eq!((dropped.first, dropped.last), (3, first - 1));
    assert_eq!(dropped.kinds[&Kind::Served], first - 3);
    assert!(files(folder.path()).unwrap().len() <= 3);
    // What has been told since is no loss.
    set_delivered(folder.path(), 60).unwrap();
    fill(&mut writer, 3);
    assert_eq!(read_after(folder.path(), 60).unwrap().dropped, None);
}

#[test]
fn a_crash_between_counting_and_removing_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), SMALL).unwrap();
    set_delivered(folder.path(), 0).unwrap();
    fill(&mut writer, 8);
    let (_, oldest) = files(folder.path()).unwrap()[0].clone();
    let text = fs::read(&oldest).unwrap();
    writer.drop_file(&oldest).unwrap();
    let counted = dropped(folder.path()).unwrap().unwrap();
    // As if the file had not been removed yet.
    fs::write(&oldest, text).unwrap();
    writer.drop_file(&oldest).unwrap();
    assert_eq!(dropped(folder.path()).unwrap().unwrap(), counted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_file_that_is_torn_anywhere_loses_its_last_lines_only(cut in 0usize..2000) {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::default();
        let mut writer = Writer::open(folder.path(), room).unwrap();
        fill(&mut writer, 12);
        let path = writer.path.clone();
        let length = fs::metadata(&path).unwrap().len();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length.saturating_sub(cut as u64)).unwrap();
        let mut writer = Writer::open(folder.path(), room).unwrap();
        let kept = writer.last();
        fill(&mut writer, 2);
        let expected: Vec<u64> = (1..=kept + 2).collect();
        prop_assert_eq!(all_after(folder.path(), 0), expected);
    }
}
