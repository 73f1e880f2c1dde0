//! The reader of containers, with bytes from anywhere.

use festoon_film::{ContainerError, X264, probe};
use proptest::{prelude::*, sample::Index};

use crate::scene::{SMALL, encode};

fn plate() -> Vec<u8> {
    encode(&X264::find().unwrap(), &SMALL).unwrap().mp4
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let file = plate();
    probe(&file).unwrap();
    for length in 0..file.len() {
        assert!(probe(&file[..length]).is_err(), "cut to {length} of {} bytes", file.len());
    }
}

#[test]
fn a_file_cut_off_in_its_media_says_how_much_is_missing() {
    let file = plate();
    let cut = &file[..file.len() - 1];
    let error = probe(cut).unwrap_err().to_string();
    assert!(error.starts_with("the box `mdat` at byte "), "{error}");
}

#[test]
fn boxes_in_boxes_without_end_are_refused() {
    // Each box holds the next: a reader that follows them all runs out of stack.
    let depth = 200_000u32;
    for kind in [*b"moov", *b"trak", *b"meta"] {
        let mut file = Vec::new();
        for level in 0..depth {
            file.extend_from_slice(&((depth - level) * 8).to_be_bytes());
            file.extend_from_slice(&kind);
        }
        assert!(matches!(probe(&file), Err(ContainerError::NoBox { .. } | ContainerError::Tracks { .. })));
    }
}

#[test]
fn a_table_that_claims_more_entries_than_it_has_is_refused() {
    let file = plate();
    for table in [b"stsz", b"stts", b"stsc", b"stco"] {
        let place = file.windows(4).position(|window| window == table).unwrap();
        let mut file = file.clone();
        // Behind version and flags; in `stsz` behind the common size too.
        let count = place + if table == b"stsz" { 12 } else { 8 };
        file[count..count + 4].fill(0xff);
        assert!(matches!(probe(&file), Err(ContainerError::BadBox { .. })), "{}", String::from_utf8_lossy(table));
    }
}

#[test]
fn another_codec_is_named() {
    let mut file = plate();
    let place = file.windows(8).position(|window| window[4..] == *b"avc1" && window[..3] == [0; 3]).unwrap();
    file[place + 4..place + 8].copy_from_slice(b"hvc1");
    assert_eq!(probe(&file).unwrap_err().to_string(), "the video is `hvc1`, not `avc1`");
}

#[test]
fn what_is_no_video_at_all_is_refused() {
    for file in [&b""[..], b"<html>", b"GIF89a\x01\x00\x01\x00", &[0; 4096], &[0xff; 4096]] {
        assert!(probe(file).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(file in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = probe(&file);
    }

    /// Damage in the index, where each byte means something.
    #[test]
    fn no_damage_makes_it_panic(places in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        static PLATE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(plate);
        let mut file = PLATE.clone();
        let index = file.windows(4).position(|window| window == b"mdat").unwrap() + 4;
        for (place, byte) in places {
            file[place.index(index)] = byte;
        }
        let _ = probe(&file);
    }
}
