//! Carries out a succession that the officers have signed: entries, then an erasure epoch of its own.
//! Never half: what a crash leaves is refused by every start, and the same command goes on from there. Where the erasure takes
//! several epochs, only the last one names the new journal.

use super::found::{Found, LetGo};
use super::said::{CarriedData, Said};
use super::store_trouble;
use crate::clock;
use crate::config::Config;
use crate::erasure::{self, Ran};
use crate::keys::ServerKeys;
use crate::log::Log;
use crate::randomness::rng;
use crate::store::{self, StoreError};
use crate::words::{NoRecovery, Reason, Trouble};
use console::{Exit, Voice};
use disk::{Device, PutBack};
use journal::act::{KeptPasswords, Succession};
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::fact::{Fact, KeyRoll, key_roll_bytes};
use journal::ids::{Head, Place};
use journal::register::{Candidate, CandidateContent, Register, SuccessionRow};
use journal::statement::{SignedStatement, VerifiedStatement};
use journal::tree::{Tree, leaf_hash};
use link::terminal::refusal_words;
use pki::{SecretKey, Signer};
use protocol::io::EraseItem;
use protocol::succession::{BadSuccession, Plan};
use std::sync::Arc;
use vault::{SECRETS_CONVERSATION, Target, Vault};
use zeroize::Zeroizing;

pub(super) fn carry_out(
    config: &Config,
    keys: &ServerKeys,
    plan: &Plan,
    signed: &[SignedStatement],
    bodies: bool,
    voice: Voice,
) -> Result<Exit, Trouble> {
    // Under glass first: what is carried out is what was signed, and until that is known nothing is written.
    let seen = Found::rehearsed(&config.store, voice).map_err(|error| error.trouble(&config.store))?;
    let refused = |error: BadSuccession| {
        Trouble::from(NoRecovery::Succession { reason: Reason::of(&error, error.ru()) })
    };
    let officers = plan.officers(seen.register.log_id()).map_err(refused)?;
    officers.check(signed, &plan.act).map_err(refused)?;
    let act = &plan.act;
    if act.bodies_lost && !bodies {
        return Err(seen.bodies_trouble());
    }
    let is_this = |row: &SuccessionRow| (row.era, row.kept) == (act.era, act.kept.size);
    let data = CarriedData::new(plan, signed.len());
    let words = Said::Carried { era: act.era, kept: act.kept.size };
    let stands = match seen.begun() {
        // What it kept of the bodies is gone meanwhile: by its own words it ends nowhere.
        Some(begun) if is_this(begun) && seen.has_lost_bodies_since(begun) => {
            return Err(NoRecovery::BodiesLostSince { era: begun.era }.into());
        }
        // A crash came between the entries and the epoch, or between two epochs.
        Some(begun) if is_this(begun) => Stands::Begun,
        // A further word about it, behind its entries: a cell, or every body, went away meanwhile.
        Some(begun) if seen.head() == act.kept && (act.cell_let_go || seen.has_lost_bodies_since(begun)) => {
            Stands::Signed
        }
        Some(begun) => return Err(NoRecovery::SuccessionBegun { era: begun.era }.into()),
        None if seen.is_finished(is_this) => Stands::Done,
        None if seen.head() != act.kept => {
            return Err(NoRecovery::OtherKept { size: seen.head().size }.into());
        }
        None => Stands::Signed,
    };
    let (head, let_go) = (seen.head(), seen.let_go(Some(act)));
    if stands == Stands::Signed {
        seen.check_as_signed(act)?;
    }
    drop(seen);
    let medium: Arc<dyn Device> = Arc::new(store::lock(&config.store).map_err(store_trouble)?);
    if stands != Stands::Done {
        let found = Found::open(Arc::clone(&medium), &config.store);
        let found = found.map_err(|error| error.trouble(&config.store))?;
        if found.head() != head {
            return Err(NoRecovery::OtherKept { size: found.head().size }.into());
        }
        // A sector may have gone bad since it was looked at under glass.
        if stands == Stands::Signed {
            found.check_read_as_signed(act)?;
        }
        let next = match stands {
            Stands::Signed => Some(Next::of(&found, plan, signed, keys)?),
            Stands::Begun | Stands::Done => None,
        };
        go_on(found, act, next, &let_go, config)?;
    }
    let of_disk = |error| store_trouble(StoreError::of_disk(error, &config.store.path));
    match (PutBack::of(&*medium).map_err(of_disk)?, stands) {
        (PutBack::No, _) | (PutBack::Answered, Stands::Done) => {}
        // Nobody has to say any more that nothing is missing of a store that was put back: here it was said what is.
        (PutBack::Unanswered | PutBack::Answered, Stands::Signed | Stands::Begun) => {
            PutBack::No.write(&*medium).map_err(of_disk)?;
        }
        // The backup held all of it already: what came behind the backup is another matter.
        (PutBack::Unanswered, Stands::Done) => {
            let exit = voice.done("recover", &words, data.still_barred());
            voice.remark(&Said::StillPutBack);
            return Ok(exit);
        }
    }
    let exit = voice.done("recover", &words, data);
    if act.passwords == KeptPasswords::Lost {
        voice.remark(&Said::NobodyLogsIn);
    }
    Ok(exit)
}

/// What is there of the succession that was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The signatures.
    Signed,
    /// Its entries.
    Begun,
    /// All of it.
    Done,
}

fn go_on(
    found: Found,
    act: &Succession,
    next: Option<Next>,
    let_go: &LetGo,
    config: &Config,
) -> Result<(), Trouble> {
    // Behind the next lines there is only one way on, and it replaces the root of every cell.
    found.check_cells(let_go)?;
    let is_secret = |target: &Target| match target {
        Target::Place(place) => place.conversation == SECRETS_CONVERSATION,
        Target::Conversation(number) => *number == SECRETS_CONVERSATION,
    };
    let (secrets, others): (Vec<Target>, Vec<Target>) = found.orphans().into_iter().partition(is_secret);
    let kept = (act.kept.size, act.kept.root);
    let damaged = found.damaged();
    let log = Log::new(config.log_level);
    let mut vault = found.settle(act.bodies_lost, &config.store)?;
    // One that failed in this very moment: nobody has let go of that.
    check_cells(&mut vault, let_go)?;
    let failed = |error: vault::Error| store_trouble(error.into());
    let mut left: Vec<EraseItem> = secrets.iter().map(item).collect();
    if let Some(next) = next {
        if next.period.is_some() && !left.is_empty() {
            // A lost period's secret stands where the new one belongs. The cell names the kept entries, and the mark stands
            // ahead: no start takes the store.
            erase(&mut vault, &left, kept, log)?;
            left.clear();
        }
        // A crash behind this line: the mark stands ahead, and no start takes the store.
        cut_off(&mut vault, &damaged).map_err(failed)?;
        // A crash behind this line: the entries are there, the cell names what is lost, and no start takes that.
        next.write(&mut vault).map_err(failed)?;
    } else {
        vault.leave_mark();
    }
    check_cells(&mut vault, let_go)?;
    left.extend(others.iter().map(item));
    erase(&mut vault, &left, kept, log)
}

/// What hung on nodes that do not open is given up by name: cut off it is missing, and no damage for ever.
fn cut_off(vault: &mut Vault, damaged: &[vault::Place]) -> Result<(), vault::Error> {
    match vault.mend(damaged, &mut rng()) {
        // Those that are left stay, and are told as damage.
        Err(error) if error.is_full() => Ok(()),
        cut_off => cut_off,
    }
}

/// The cells that are away by now are let go of, if the officers have done so.
fn check_cells(vault: &mut Vault, let_go: &LetGo) -> Result<(), Trouble> {
    let Err(error) = vault.check_cells() else { return Ok(()) };
    let away = vault.cells().into_iter().filter(|cell| cell.absent.is_some());
    let missing: Vec<[u8; 8]> = away.filter_map(|cell| cell.name).collect();
    if !let_go.covers(&missing) {
        return Err(NoRecovery::CellAway { reason: Reason::of(&error, error.ru()) }.into());
    }
    for name in missing {
        vault.let_go_of_cell(name);
    }
    Ok(())
}

/// Epochs until nothing of it is left; one at least, by which the cell names the new journal.
fn erase(vault: &mut Vault, items: &[EraseItem], kept: (u64, [u8; 32]), log: Log) -> Result<(), Trouble> {
    if items.is_empty() {
        erasure::name_cells(vault, log).map_err(|error| store_trouble(error.into()))?;
    }
    let mut left = items;
    while !left.is_empty() {
        match erasure::give_up(vault, left, kept, log).map_err(|error| store_trouble(error.into()))? {
            Ran::Erased { count, .. } => left = &left[count..],
            Ran::NoRoom => return Err(NoRecovery::NoRoomToErase.into()),
        }
    }
    Ok(())
}

fn item(target: &Target) -> EraseItem {
    match target {
        Target::Place(place) => EraseItem::Item(Place { conversation: place.conversation, item: place.item }),
        Target::Conversation(number) => EraseItem::Conversation(*number),
    }
}

/// The entries that follow the kept ones, and the secret of a new period.
struct Next {
    entries: Vec<Vec<u8>>,
    period: Option<(u64, SecretKey)>,
    head: Head,
}

impl Next {
    /// By the very rules that judge them later.
    fn of(
        found: &Found,
        plan: &Plan,
        signed: &[SignedStatement],
        keys: &ServerKeys,
    ) -> Result<Self, Trouble> {
        let system = |error: &dyn std::fmt::Display| Trouble::System { reason: error.to_string() };
        let now = clock::now().map_err(|error| system(&error))?;
        let register = found.register.clone();
        let wall_ms = now.wall_ms.max(register.floor_ms());
        let mut trial =
            Trial { register, tree: found.tree.clone(), wall_ms, boot_ms: now.boot_ms, entries: Vec::new() };
        // No more than the genesis demands: the rules would take a further one for the beginning of another.
        let needed = trial.register.site().map_or(0, |site| site.threshold as usize);
        for statement in signed.iter().take(needed) {
            trial.statement(statement)?;
        }
        let mut period = None;
        if plan.act.period_key_lost {
            let (site, last) = (trial.register.site(), trial.register.period());
            let suite = site.map(|site| site.suite).ok_or_else(|| system(&"no site"))?;
            let number = last.map_or(0, |last| last.number + 1);
            let secret = SecretKey::generate(suite, &mut rng()).map_err(|error| system(&error))?;
            let key = secret.public().spki().to_vec();
            let bytes = key_roll_bytes(trial.register.log_id(), number, suite, &key);
            let signature = keys.identity.sign(&bytes).map_err(|error| system(&error))?;
            let roll = KeyRoll { period: number, suite, key: key.into(), signature: signature.into() };
            trial.fact(Fact::KeyRoll(roll))?;
            period = Some((number, secret));
        }
        let head = Head { size: trial.tree.size(), root: trial.tree.root() };
        Ok(Self { entries: trial.entries, period, head })
    }

    fn write(&self, vault: &mut Vault) -> Result<(), vault::Error> {
        let mut random = rng();
        // There is no way back any more: it may take the last room there is.
        let mut batch = vault.begin_behind_mark(disk::Claim::Erasing, &mut random)?;
        for entry in &self.entries {
            batch.entry(entry)?;
        }
        if let Some((number, secret)) = &self.period {
            let (bytes, place) =
                (Zeroizing::new(secret.to_bytes()), vault::Place::item(SECRETS_CONVERSATION, *number));
            // Whatever stood on the way to it: by the same batch, so that it needs no room beside it.
            batch.make_way(place)?;
            batch.insert(place, &bytes[..])?;
        }
        batch.commit(self.head.root)?;
        Ok(())
    }
}

/// A state that entries are tried on.
struct Trial {
    register: Register,
    tree: Tree,
    wall_ms: u64,
    boot_ms: u64,
    entries: Vec<Vec<u8>>,
}

impl Trial {
    fn statement(&mut self, signed: &SignedStatement) -> Result<(), Trouble> {
        let refused = |reason| Trouble::from(NoRecovery::Succession { reason });
        let bad = |error: &dyn std::fmt::Display| {
            refused(Reason::of(error, "подпись под преемством не читается или не сходится".into()))
        };
        let parsed = signed.clone().parse().map_err(|error| bad(&error))?;
        let key = self.register.key_of(parsed.certificate()).cloned();
        let key = key.ok_or_else(|| {
            let ru = "сертификата нет среди сохранённых записей";
            refused(Reason::new("the certificate is not in the kept entries", ru))
        })?;
        let verified = parsed.verify(&key).map_err(|error| bad(&error))?;
        self.admit(Content::Statement(signed.clone()), Some(&verified), None)
    }

    fn fact(&mut self, fact: Fact) -> Result<(), Trouble> {
        self.admit(Content::Fact(fact.clone()), None, Some(&fact))
    }

    fn admit(
        &mut self,
        content: Content,
        statement: Option<&VerifiedStatement>,
        fact: Option<&Fact>,
    ) -> Result<(), Trouble> {
        let (wall_ms, boot_ms) = (self.wall_ms, self.boot_ms);
        let bytes = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
        let judged = statement.map(CandidateContent::Statement).or(fact.map(CandidateContent::Fact));
        let Some(content) = judged else { return Ok(()) };
        let leaf = leaf_hash(&bytes);
        let candidate = Candidate { index: self.tree.size(), leaf, wall_ms, boot_ms, content };
        let tree = &self.tree;
        self.register.apply(&candidate, &|size| tree.root_at(size).ok()).map_err(|refusal| {
            let reason = Reason::of(&refusal, refusal_words(refusal.code()).ru);
            NoRecovery::Succession { reason }
        })?;
        self.tree.append(leaf);
        self.entries.push(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::{Geometry, MemoryDevice};
    use vault::{CellAt, CellError, CellKind, CellSlot, Keeper, Limits, MemoryCell, RootCell, Salvage};

    /// A cell that reads, and takes no destruction any more.
    struct Worn(MemoryCell);

    impl RootCell for Worn {
        fn kind(&self) -> CellKind {
            self.0.kind()
        }

        fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
            self.0.read(slot)
        }

        fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
            self.0.is_blank(spared)
        }

        fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
            self.0.write(slot, record)
        }

        fn destroy(&mut self, _: CellSlot) -> Result<(), CellError> {
            Err(std::io::Error::other("worn").into())
        }
    }

    #[test]
    fn a_cell_that_fails_while_a_recovery_works_is_let_go_of_only_by_its_name() {
        let geometry = Geometry { extent_bytes: 64 * 1024, extents: 32, reserve: 4 };
        let device = Arc::new(MemoryDevice::new(33 * 64 * 1024));
        let records = [vault::CellRecords::default(), vault::CellRecords::default()];
        let cell = |number: usize| MemoryCell::new(records[number].clone(), None);
        let keeper = Keeper::mirrored(CellAt::Here(Box::new(cell(0))), CellAt::Here(Box::new(cell(1))));
        drop(Vault::create(device.clone(), keeper, geometry, Limits::default(), &mut rng()).unwrap());

        let worn = Keeper::mirrored(CellAt::Here(Box::new(cell(0))), CellAt::Here(Box::new(Worn(cell(1)))));
        let found = Salvage::find(device, worn, Limits::default(), &mut rng()).unwrap();
        assert!(found.check_cells().is_ok(), "it reads, and the plan says nothing of it");
        let mut vault = found.settle(false, &mut rng()).unwrap();
        let away = vault.cells().into_iter().find(|cell| cell.absent.is_some()).unwrap().name.unwrap();
        let other = vault.cells().into_iter().find(|cell| cell.absent.is_none()).unwrap().name.unwrap();
        for names in [vec![], vec![other]] {
            let refused = check_cells(&mut vault, &LetGo { unnamed: false, names });
            assert!(matches!(refused, Err(Trouble::Recovery { why: NoRecovery::CellAway { .. } })));
        }
        let named = LetGo { unnamed: false, names: vec![away] };
        assert!(check_cells(&mut vault, &named).is_ok() && vault.check_cells().is_ok());
        assert!(named.covers(&[away]) && !named.covers(&[away, other]) && !named.covers(&[]));
        // Nobody knew who was away when it was signed.
        assert!(LetGo { unnamed: true, names: Vec::new() }.covers(&[]));
    }
}
