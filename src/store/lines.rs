//! Lines of JSON in a file that only grows. Each begins with the first 16 hexadecimal digits of the blake3 of the rest, so that a
//! line that was garbled, or cut off by a crash, is told from one that was written.

use std::{
    fs::OpenOptions,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{StoreError, durable};

const DIGITS: usize = 16;

/// A value as a line, with its end.
pub fn written(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("what is written in lines is plain data with text keys");
    format!("{} {json}\n", &blake3::hash(json.as_bytes()).to_hex()[..DIGITS])
}

/// What a line without its end says; `None` if it is not as it was written.
pub fn read<T: DeserializeOwned>(line: &str) -> Option<T> {
    let (digits, json) = line.split_once(' ')?;
    let hash = blake3::hash(json.as_bytes()).to_hex();
    if digits != &hash[..DIGITS] {
        return None;
    }
    serde_json::from_str(json).ok()
}

/// Appends text, for good. What a crash left of the last line gets an end first, so that it spoils no other. Blocks.
///
/// # Errors
/// If the disk is full or failing. Part of the text may be there then: it is no whole line, or one that is true.
pub fn append(path: &Path, text: &str) -> Result<(), StoreError> {
    let failed = |error| StoreError::at(path, error);
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
    if ends_within_a_line(&mut file).map_err(failed)? {
        file.write_all(b"\n").map_err(failed)?;
    }
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    match path.parent() {
        Some(folder) if is_new => durable::sync_folder(folder),
        _ => Ok(()),
    }
}

fn ends_within_a_line(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
