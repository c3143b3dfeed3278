//! Looks for texts in every file below a folder, in the encodings in which a program might have left them.
//! Never believes a scan that has not shown that it can find: it looks for a planted word first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What was looked through.
pub(crate) struct Scanned {
    /// Files.
    pub(crate) files: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Files in which one of the words stands.
    pub(crate) found: Vec<PathBuf>,
}

/// Looks for the words in all files below `folder`: UTF-8, UTF-16 (little-endian), Base64 at each of three offsets.
pub(crate) fn scan(folder: &Path, words: &[&str]) -> Result<Scanned> {
    let planted = folder.join("planted");
    for spelling in spellings(words[0]) {
        fs::write(&planted, [&[0; 1000], &spelling[..], &[0; 1000]].concat())?;
        let seen = look(&planted, words)?;
        fs::remove_file(&planted)?;
        if !seen {
            bail!("the scan does not find what was planted: it proves nothing");
        }
    }
    let mut scanned = Scanned { files: 0, bytes: 0, found: Vec::new() };
    walk(folder, words, &mut scanned)?;
    Ok(scanned)
}

fn walk(folder: &Path, words: &[&str], scanned: &mut Scanned) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), words, scanned)?;
        } else if kind.is_file() {
            scanned.files += 1;
            scanned.bytes += entry.metadata()?.len();
            if look(&entry.path(), words)? {
                scanned.found.push(entry.path());
            }
        }
    }
    Ok(())
}

fn look(path: &Path, words: &[&str]) -> Result<bool> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let needles = words.iter().flat_map(|word| spellings(word));
    let finders: Vec<_> = needles.map(|needle| memchr::memmem::Finder::new(&needle).into_owned()).collect();
    Ok(finders.iter().any(|finder| finder.find(&bytes).is_some()))
}

/// The ways in which a word may stand in a file.
fn spellings(word: &str) -> Vec<Vec<u8>> {
    let utf16 = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![word.as_bytes().to_vec(), utf16];
    for skipped in 0..3 {
        // Of the word at this offset of a Base64 group, the letters that do not depend on its neighbours.
        let inner = &word.as_bytes()[skipped..];
        let whole = &inner[..inner.len() / 3 * 3];
        all.push(base64(whole));
    }
    all
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| LETTERS[bits >> shift & 63])
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}
