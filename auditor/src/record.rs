//! One record of a bundle or an excerpt: its length, then its bytes.
//! Never holds more than the limit allows, and never says what a record means.

use std::io::{self, Read, Write};

use crate::bundle::BadBundle;

/// What stopped the reading of one record.
pub(crate) enum BadRecord {
    Short,
    TooLong(u64),
    Io(io::Error),
}

impl BadRecord {
    pub(crate) fn at(self, record: u64, entries: u64, limit: usize) -> BadBundle {
        match self {
            Self::Short => BadBundle::Truncated { entries },
            Self::TooLong(bytes) => BadBundle::TooLong { record, bytes, limit: limit as u64 },
            Self::Io(error) => BadBundle::Io(error),
        }
    }
}

/// The next record; `None` at an end mark.
pub(crate) fn read_record(input: &mut impl Read, limit: usize) -> Result<Option<Vec<u8>>, BadRecord> {
    let mut content = Vec::new();
    Ok(read_record_into(input, limit, &mut content)?.map(|_| content))
}

/// The same behind what `out` holds; gives the record's length.
pub(crate) fn read_record_into(
    input: &mut impl Read,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<Option<usize>, BadRecord> {
    let mut length = [0; 4];
    exactly(input, &mut length)?;
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes == 0 {
        return Ok(None);
    }
    if bytes > limit {
        return Err(BadRecord::TooLong(bytes as u64));
    }
    let from = out.len();
    out.resize(from + bytes, 0);
    exactly(input, &mut out[from..])?;
    Ok(Some(bytes))
}

fn exactly(input: &mut impl Read, into: &mut [u8]) -> Result<(), BadRecord> {
    match fill(input, into) {
        Ok(read) if read == into.len() => Ok(()),
        Ok(_) => Err(BadRecord::Short),
        Err(error) => Err(BadRecord::Io(error)),
    }
}

/// Writes one record as [`read_record`] reads it.
pub(crate) fn write_record(out: &mut impl Write, bytes: &[u8], limit: usize) -> io::Result<()> {
    if bytes.is_empty() || bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record that no reader would take"));
    }
    out.write_all(&(bytes.len() as u32).to_be_bytes())?;
    out.write_all(bytes)
}

/// Reads until `into` is full or the input ends; how much was read.
pub(crate) fn fill(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < into.len() {
        match input.read(&mut into[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
