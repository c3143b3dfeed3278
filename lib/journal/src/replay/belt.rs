//! Many entries through the first two stages on all processors, while the third takes those before, in order, and the
//! next are loaded. The auditor's replay and a server's start are this very code.
//! Never keeps more than three batches, and never gives an entry on before all that stand before it.

use super::BadAt;
use super::parallel::{each, each_beside};
use super::stages::{CheckedEntry, Fault, KeyBook, ReadEntry, Signatures, read};
use crate::ids::Index;

/// An entry on its way.
enum Stage {
    Raw,
    Read(ReadEntry),
    Checked(CheckedEntry),
    Faulty(Fault),
    /// While a worker has it.
    Taken,
}

struct Slot<T> {
    raw: T,
    stage: Stage,
}

impl<T: AsRef<[u8]>> Slot<T> {
    fn read(&mut self) {
        self.stage = read(self.raw.as_ref()).map_or_else(Stage::Faulty, Stage::Read);
    }

    fn check(&mut self, signatures: Signatures, keys: &KeyBook) {
        match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Read(entry) => {
                self.stage = entry.check(signatures, keys).map_or_else(Stage::Faulty, Stage::Checked);
            }
            other @ (Stage::Raw | Stage::Checked(_) | Stage::Faulty(_) | Stage::Taken) => self.stage = other,
        }
    }
}

/// Takes entries from `first` on through the stages with `threads` workers. `load` gives the next batch, an empty one at
/// the end; `push` gets each entry in order. The first fault in order ends it.
pub fn in_order<T: AsRef<[u8]> + Send, E: From<BadAt>>(
    threads: usize,
    signatures: Signatures,
    mut keys: KeyBook,
    first: Index,
    mut load: impl FnMut() -> Result<Vec<T>, E>,
    mut push: impl FnMut(&T, &CheckedEntry) -> Result<(), E>,
) -> Result<(), E> {
    let raw = |loaded: Vec<T>| -> Vec<Slot<T>> {
        loaded.into_iter().map(|raw| Slot { raw, stage: Stage::Raw }).collect()
    };
    let mut index = first;
    let mut before: Vec<Slot<T>> = Vec::new();
    let mut batch = raw(load()?);
    loop {
        each(&mut batch, threads, Slot::read);
        for slot in &batch {
            if let Stage::Read(entry) = &slot.stage {
                keys.take(entry);
            }
        }
        let in_order = || -> Result<Vec<T>, E> {
            for Slot { raw, stage } in before {
                match stage {
                    Stage::Checked(entry) => push(&raw, &entry)?,
                    Stage::Faulty(fault) => return Err(BadAt { index, fault }.into()),
                    Stage::Raw | Stage::Read(_) | Stage::Taken => {
                        unreachable!("the workers have been through every slot before it is pushed")
                    }
                }
                index += 1;
            }
            load()
        };
        let loaded = each_beside(&mut batch, threads, |slot| slot.check(signatures, &keys), in_order)?;
        if batch.is_empty() {
            return Ok(());
        }
        (before, batch) = (batch, raw(loaded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use crate::testing::TestLog;

    fn replay(
        entries: &[Vec<u8>],
        threads: usize,
        signatures: Signatures,
        at: usize,
    ) -> Result<Replay, BadAt> {
        let mut replay = Replay::new(None);
        let mut batches = entries.chunks(at);
        let load = || Ok(batches.next().map_or(Vec::new(), <[_]>::to_vec));
        let push = |_: &Vec<u8>, entry: &CheckedEntry| replay.push(entry).map(drop);
        in_order(threads, signatures, KeyBook::new(), 0, load, push)?;
        Ok(replay)
    }

    #[test]
    fn threads_and_batches_change_nothing() {
        let mut log = TestLog::standard(31);
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        for (threads, at) in [(1, 1), (1, 1000), (2, 7), (3, 64)] {
            for signatures in [Signatures::Verify, Signatures::VerifiedBefore] {
                let found = replay(&log.entries, threads, signatures, at).unwrap();
                assert_eq!(found.register(), &log.register);
                assert_eq!(found.tree().root(), log.tree.root());
            }
        }
    }

    #[test]
    fn the_first_fault_in_order_is_told() {
        let log = TestLog::standard(32);
        let mut entries = log.entries.clone();
        let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
        // The last byte of a statement's entry is its signature's.
        let signed: Vec<usize> = (2..entries.len())
            .filter(|at| read(&entries[*at]).is_ok_and(|entry| entry.verify(&KeyBook::new()).is_err()))
            .collect();
        for at in [signed[1], signed[3]] {
            flip(&mut entries[at]);
        }
        let found = replay(&entries, 2, Signatures::Verify, 5).map(drop).unwrap_err();
        assert_eq!(found.index, signed[1] as u64);
        // Taken as verified, it is found by what came to depend on it, or at the latest by the root.
        let found = replay(&entries, 2, Signatures::VerifiedBefore, 5);
        assert!(found.is_err() || found.is_ok_and(|found| found.tree().root() != log.tree.root()));
    }

    #[test]
    fn a_replay_goes_on_from_a_state() {
        let mut log = TestLog::standard(33);
        let (register, size) = (log.register.clone(), log.entries.len());
        let chat = log.talking("vera", &["boris"]);
        log.send("boris", chat).unwrap();
        let mut going = register;
        let mut tail = Some(log.entries[size..].to_vec());
        let keys = KeyBook::of(&going);
        let mut index = size as u64;
        let push = |_: &Vec<u8>, entry: &CheckedEntry| {
            let heads = |size| log.tree.root_at(size).ok();
            let applied = going.apply(&entry.candidate(index), &heads);
            index += 1;
            applied.map(drop).map_err(|refusal| BadAt { index, fault: refusal.into() })
        };
        let load = || Ok(tail.take().unwrap_or_default());
        in_order(2, Signatures::Verify, keys, size as u64, load, push).unwrap();
        assert_eq!(going, log.register);
    }
}
