//! Whose entries findings and reports are about: a finding names an entry and no person.
//! Never guesses: what is no message is looked up where the entry stands, in a second reading.

use std::collections::BTreeMap;

use journal::act::Act;
use journal::ids::Index;
use journal::register::Register;
use journal::statement::Parsed;
use pki::PersonId;

use crate::names::What;

/// Findings and reports whose person is looked up; of any further one he is not said.
pub const ABOUT_MAX: usize = 200_000;

/// Gathers the entries that were named, then whose they are.
#[derive(Default)]
pub struct AboutWhom {
    /// By the finding or report: the entry that it names.
    named: BTreeMap<Index, Index>,
    /// By that entry: who signed it, as far as that is known.
    whose: BTreeMap<Index, Option<PersonId>>,
}

impl AboutWhom {
    /// The next entry that stands.
    pub fn take(&mut self, index: Index, what: What<'_>) {
        let What::Statement(parsed) = what else { return };
        let entry = if let Act::Finding(act) = parsed.act() {
            act.entry
        } else if let Act::Report(act) = parsed.act() {
            act.message
        } else {
            return;
        };
        if self.named.len() < ABOUT_MAX {
            self.named.insert(index, entry);
            self.whose.entry(entry).or_default();
        }
    }

    /// The authors of messages stand in the Register.
    pub fn ask(&mut self, register: &Register) {
        for (entry, whose) in self.whose.iter_mut().filter(|(_, whose)| whose.is_none()) {
            *whose = register.message(*entry).map(|message| message.author);
        }
    }

    /// Whether a second reading may tell more.
    pub fn is_open(&self) -> bool {
        self.whose.values().any(Option::is_none)
    }

    /// The next statement of a second reading.
    pub fn statement(&mut self, index: Index, parsed: &Parsed) {
        if let Some(whose) = self.whose.get_mut(&index) {
            *whose = Some(parsed.header().person);
        }
    }

    /// Whom the finding or report at this index is about; `None` also where it is about a claim of the server.
    pub fn of(&self, raised: Index) -> Option<PersonId> {
        *self.whose.get(self.named.get(&raised)?)?
    }
}
