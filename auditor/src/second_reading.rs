//! A bundle that was verified, read once more for what the first reading could not know to look for.
//! Never believes what is another entry by now.

use std::io::Read;

use journal::entry::{Content, Entry};
use journal::ids::Index;
use journal::statement::Parsed;
use journal::tree::{Leaves, Tree, leaf_hash};

use crate::bundle::{BadBundle, BundleReader};

/// Gives each statement that was verified, in order, up to the first entry that is another one by now. `progress` is told how
/// many bytes were read.
pub fn read_again<R: Read>(
    mut reader: BundleReader<R>,
    verified: &Tree<impl Leaves>,
    progress: &mut dyn FnMut(u64),
    each: &mut dyn FnMut(Index, &Parsed),
) -> Result<(), BadBundle> {
    while reader.entries() < verified.size() {
        let index = reader.entries();
        match reader.next_entry()? {
            Some(bytes) if leaf_hash(&bytes) == verified.leaves().at(index) => statement(index, &bytes, each),
            Some(_) | None => break,
        }
        progress(reader.bytes());
    }
    Ok(())
}

fn statement(index: Index, bytes: &[u8], each: &mut dyn FnMut(Index, &Parsed)) {
    if let Ok(Entry { content: Content::Statement(signed), .. }) = Entry::decode(bytes)
        && let Ok(parsed) = signed.parse()
    {
        each(index, &parsed);
    }
}
