//! The files of `tests/corpus/rows`: of each row of `tests/README.md` that a bundle can show one or more, with what each reader
//! must say of it. Never judged here, and never written.
//!
//! ```text
//! manifest.txt    FILE  journal|excerpt  EXIT  PYTHON'S EXIT  FIRST-BAD|-  taken|refused|beyond|none  TRUST  HEADS|-  ROW
//!                 one line each, tabs between; HEADS [ERA/]SIZE:ROOT, spaces between
//! TRUST.trust     what the reader believes (FORMAT 9), TRUST.pem the root certificate
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use auditor::bundle::BundleReader;
use auditor::tile_folder::TileFolder;
use auditor::trust::Trust;
use journal::ids::Head;

/// What readers of notes and tiles, who know the log identity key alone, say of its entries under its newest note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// It is right, as far as they can judge.
    Taken,
    /// They refuse it.
    Refused,
    /// What is wrong with it lies beyond what they judge: statements, periods, the law, what others know. They take it.
    Beyond,
    /// There is nothing to give them: an excerpt, or a file that does not read to its end.
    None,
}

impl Foreign {
    /// Its word in the manifest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Beyond => "beyond",
            Self::None => "none",
        }
    }

    fn of(word: &str) -> Self {
        let all = [Self::Taken, Self::Refused, Self::Beyond, Self::None];
        all.into_iter().find(|one| one.word() == word).expect("a word of the manifest")
    }
}

/// A file that stays, and what is to be said of it.
pub struct Kept {
    /// Its name in the folder.
    pub name: String,
    /// Its bytes.
    pub file: Vec<u8>,
    /// Read as an excerpt; else as a whole journal.
    pub excerpt: bool,
    /// Our auditor's exit code.
    pub exit: u8,
    /// That of `verify_bundle.py`.
    pub python: u8,
    /// The first bad entry.
    pub first_bad: Option<u64>,
    /// What the readers say that are not ours.
    pub foreign: Foreign,
    /// The name of the files that say what the reader believes.
    pub reader: String,
    /// What the reader believes.
    pub trust: Trust,
    /// The root certificate.
    pub root: Vec<u8>,
    /// Heads that are known from outside, with their eras.
    pub heads: Vec<(Option<u32>, Head)>,
    /// The row of `tests/README.md`.
    pub row: String,
}

/// Where they are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rows")
}

/// All of them, as the manifest names them.
pub fn kept() -> Vec<Kept> {
    let text = |name: &str| fs::read_to_string(folder().join(name)).expect("a kept file");
    let one = |line: &str| {
        let words: Vec<&str> = line.split('\t').collect();
        let [name, kind, exit, python, bad, foreign, trust, heads, row] = words[..] else {
            panic!("nine words: {line}")
        };
        let root = pki::pem::decode(&text(&format!("{trust}.pem")), pki::pem::CERTIFICATE).expect("a root");
        Kept {
            name: name.into(),
            file: fs::read(folder().join(name)).expect("a kept file"),
            excerpt: kind == "excerpt",
            exit: exit.parse().expect("an exit code"),
            python: python.parse().expect("an exit code"),
            first_bad: bad.parse().ok(),
            foreign: Foreign::of(foreign),
            reader: trust.into(),
            trust: Trust::from_text(&text(&format!("{trust}.trust"))).expect("a trust file"),
            root: root.into_iter().next().expect("a root"),
            heads: heads.split(' ').filter(|word| *word != "-").map(head).collect(),
            row: row.into(),
        }
    };
    text("manifest.txt").lines().map(one).collect()
}

fn head(word: &str) -> (Option<u32>, Head) {
    let (era, rest) = word.split_once('/').map_or((None, word), |(era, rest)| (era.parse().ok(), rest));
    let (size, root) = rest.split_once(':').expect("a size and a root");
    let digit = |at: usize| u8::from_str_radix(&root[2 * at..2 * at + 2], 16).expect("hex");
    (era, Head { size: size.parse().expect("a size"), root: std::array::from_fn(digit) })
}

impl Kept {
    /// Lays its entries out as tiles under its newest note, as it stands. Gives the log identity key in the name that the note
    /// has, or `None` where there is nothing to lay out.
    pub fn lay_out(&self, folder: &Path) -> Option<String> {
        let mut reader = BundleReader::open(&self.file[..]).ok().filter(|_| !self.excerpt)?;
        let mut tiles = TileFolder::create(folder).expect("a new folder");
        while let Some(entry) = reader.next_entry().ok()? {
            tiles.entry(&entry).expect("an entry");
        }
        let note = reader.notes().ok()?.pop()?;
        tiles.finish(&note).expect("a finished folder");
        // Which era rules follows from the law, which these readers do not judge: they are told.
        let line = String::from_utf8_lossy(&note).lines().next().unwrap_or_default().to_owned();
        let era = line.split('/').nth(2).and_then(|era| era.parse().ok()).unwrap_or(0);
        Some(self.trust.identity_in(era).to_string())
    }
}
