//! Our tiles and notes before two crates that are not ours: `tlog_tiles` and `signed_note`.
//! Never trusts our own reader in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use pki::Suite;
use signed_note::{Note, StandardVerifier, VerifierList};
use tests::Dice;
use tests::foreign::{Exported, SIZES, bendable, entry, export};
use tests::kept::{Foreign, kept};
use tlog_tiles::{
    Checkpoint, Error, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash, stored_hash_index, tree_hash,
};

/// Height of the tiles of c2sp.org/tlog-tiles.
const HEIGHT: u8 = 8;

struct Folder(PathBuf);

impl Folder {
    /// The crate's paths name the height, those of the specification do not.
    fn file(&self, tile: &Tile) -> PathBuf {
        self.0.join("tile").join(tile.path().strip_prefix("tile/8/").unwrap())
    }
}

impl TileReader for Folder {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        tiles.iter().map(|tile| fs::read(self.file(tile)).map_err(|_| Error::IndexesNotInTree)).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The checkpoint, opened by the verifier key alone.
fn checkpoint(folder: &Path, key: &str) -> Result<Checkpoint, String> {
    let note = Note::from_bytes(&fs::read(folder.join("checkpoint")).unwrap());
    let note = note.map_err(|bad| format!("{bad:?}"))?;
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(key).unwrap())]);
    let (verified, _) = note.verify(&known).map_err(|bad| format!("{bad:?}"))?;
    assert_eq!(verified.len(), 1);
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|bad| format!("{bad:?}"))?;
    if key.starts_with(&format!("{}+", checkpoint.origin())) {
        Ok(checkpoint)
    } else {
        Err("another origin".into())
    }
}

/// Whether all tiles lead to the root; every one of them is authenticated.
fn holds(folder: &Folder, size: u64, root: tlog_tiles::Hash) -> bool {
    let reader = TileHashReader::new(size, root, folder);
    let first = |tile: &Tile| stored_hash_index(tile.level() * HEIGHT, tile.level_index() << HEIGHT);
    Tile::new_tiles(HEIGHT, 0, size).iter().all(|tile| reader.read_hashes(&[first(tile)]).is_ok())
}

#[test]
fn the_crate_reads_every_tile_and_makes_its_proofs_from_them() {
    let dir = tempfile::tempdir().unwrap();
    for size in SIZES {
        let path = dir.path().join(size.to_string());
        let Exported { key, .. } = export(&path, size, Suite::EcdsaP256);
        let (checkpoint, folder) = (checkpoint(&path, &key).unwrap(), Folder(path));
        assert_eq!((checkpoint.size(), checkpoint.extension()), (size, ""));
        let root = *checkpoint.hash();
        let reader = TileHashReader::new(size, root, &folder);
        if size > 0 {
            assert_eq!(tree_hash(size, &reader).unwrap(), root);
        }
        assert!(holds(&folder, size, root));
        for n in [1, 2, 255, 256, 257, size / 2, size].into_iter().filter(|n| (1..=size).contains(n)) {
            let record = prove_record(size, n - 1, &reader).unwrap();
            check_record(&record, size, root, n - 1, record_hash(&entry(n - 1))).unwrap();
            let older = tree_hash(n, &reader).unwrap();
            check_tree(&prove_tree(size, n, &reader).unwrap(), size, root, n, older).unwrap();
        }
    }
}

/// Whether each entry of the entries' tiles is the one of its leaf.
fn entries_hold(folder: &Folder, size: u64, root: tlog_tiles::Hash) -> bool {
    let reader = TileHashReader::new(size, root, folder);
    let of_entries = |tile: &Tile| folder.0.join("tile/entries").join(&tile.path()["tile/8/0/".len()..]);
    Tile::new_tiles(HEIGHT, 0, size).iter().filter(|tile| tile.level() == 0).all(|tile| {
        let Ok(content) = fs::read(of_entries(tile)) else { return false };
        let (mut rest, mut index) = (&content[..], tile.level_index() << HEIGHT);
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let Some((entry, more)) = behind.split_at_checked(u16::from_be_bytes(*length).into()) else {
                return false;
            };
            let leaf = (index < size).then(|| reader.read_hashes(&[stored_hash_index(0, index)]).ok());
            if leaf.flatten() != Some(vec![record_hash(entry)]) {
                return false;
            }
            (rest, index) = (more, index + 1);
        }
        rest.is_empty() && index == size.min((tile.level_index() + 1) << HEIGHT)
    })
}

/// Whether the note is the key's, and every tile stands under its root.
fn is_taken(folder: &Folder, key: &str) -> bool {
    let Ok(checkpoint) = checkpoint(&folder.0, key) else { return false };
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    checkpoint.extension().is_empty() && holds(folder, size, root) && entries_hold(folder, size, root)
}

/// The control: every file of the folder, at places by seed.
#[test]
fn the_crate_refuses_one_bent_byte_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let Exported { key, .. } = export(&path, 257, Suite::Ed25519);
    let folder = Folder(path.clone());
    let is_taken = || is_taken(&folder, &key);
    assert!(is_taken());
    let mut dice = Dice::new(258);
    for (name, places) in bendable(&path) {
        let file = path.join(name);
        let good = fs::read(&file).unwrap();
        let (first, last) = (*places.start(), *places.end());
        let drawn: Vec<usize> =
            (0..60).map(|_| first + dice.below((last - first + 1) as u64) as usize).collect();
        for at in [first, last].into_iter().chain(drawn) {
            let mut bad = good.clone();
            bad[at] ^= 1 << dice.below(8);
            fs::write(&file, bad).unwrap();
            assert!(!is_taken(), "{name} bent at {at}");
        }
        fs::write(&file, good).unwrap();
    }
    assert!(is_taken(), "as it was");
}

/// The kept corpus before the crate, as before Go.
#[test]
fn the_crate_judges_the_kept_corpus_as_far_as_it_can() {
    let dir = tempfile::tempdir().unwrap();
    for (number, kept) in kept().iter().enumerate() {
        let folder = Folder(dir.path().join(number.to_string()));
        let found = kept.lay_out(&folder.0).map(|key| is_taken(&folder, &key));
        let expected = match kept.foreign {
            Foreign::Taken | Foreign::Beyond => Some(true),
            Foreign::Refused => Some(false),
            Foreign::None => None,
        };
        assert_eq!(found, expected, "{}", kept.name);
    }
}
