//! Entries as they come in: each is proven to be in the log and, where it is a statement, to be signed, before anything
//! looks at what it says.
//! Never interprets an entry, and never shows one that did not verify.

use super::error::{Error, What};
use super::event::EntryView;
use super::flow::Cx;
use super::trust::Trust;
use crate::answer::{Answer, Page};
use crate::frame::{Deliver, Delivered};
use crate::limits::{ANSWER_ENTRIES_MAX, CERTIFICATES_MAX};
use crate::query::Query;
use journal::act::Act;
use journal::entry::{Content, Entry};
use journal::fact::Fact;
use journal::ids::{Index, StatementId};
use journal::membership::ActBy;
use journal::multiproof::MultiProof;
use journal::statement::{Header, Parsed, SignedStatement, VerifiedStatement};
use minicbor::Decoder;
use pki::{CertId, PersonId};
use std::collections::BTreeSet;
use std::ops::Range;

/// An entry whose place in the log and whose signature hold.
pub(crate) struct Checked {
    pub(crate) index: Index,
    pub(crate) wall_ms: u64,
    pub(crate) content: CheckedContent,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) erased_by: Option<Index>,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) enum CheckedContent {
    Statement(Box<VerifiedStatement>),
    Fact(Fact),
}

impl Checked {
    /// The statement's id.
    pub(crate) fn id(&self) -> Option<StatementId> {
        self.statement().map(Parsed::id)
    }

    pub(crate) fn statement(&self) -> Option<&Parsed> {
        match &self.content {
            CheckedContent::Statement(statement) => Some(statement.get()),
            CheckedContent::Fact(_) => None,
        }
    }

    pub(crate) fn act(&self) -> Option<(&Header, &Act)> {
        self.statement().map(|statement| (statement.header(), statement.act()))
    }

    fn is_by(&self, person: PersonId) -> bool {
        self.act().is_some_and(|(header, _)| header.person == person)
    }

    /// Whose act it is, as the membership asks for it.
    pub(crate) fn by(&self) -> Option<ActBy> {
        let statement = self.statement()?;
        Some(ActBy { signer: statement.header().person, id: statement.id(), index: self.index })
    }

    /// The index behind this one, where to ask on.
    pub(crate) fn next(&self) -> Index {
        self.index.saturating_add(1)
    }

    pub(crate) fn view(&self) -> EntryView {
        EntryView { index: self.index, entry: self.bytes.clone().into() }
    }
}

/// In the log, not yet verified: waits for its certificate.
struct Included {
    delivered: Delivered,
    wall_ms: u64,
    content: IncludedContent,
}

enum IncludedContent {
    Statement(Box<Parsed>),
    Fact(Fact),
}

impl Cx {
    /// A page of an answer: ascending, each entry verified. One bad entry spoils the page: it is not shown in part.
    pub(crate) async fn check_page(&self, page: Page) -> Result<Vec<Checked>, Error> {
        let ascending = page.entries.windows(2).all(|pair| pair[0].index < pair[1].index);
        if page.entries.len() > ANSWER_ENTRIES_MAX || !ascending {
            return Err(Error::unverified(What::Answer));
        }
        self.check_all(&page.note, page.entries, &page.proof)
            .await?
            .into_iter()
            .map(|(_, checked)| checked)
            .collect()
    }

    /// Likewise, of entries that were asked for and no others: by one before them whoever asks on would go back for ever, by one
    /// behind them pass over what he looks for.
    pub(crate) async fn check_page_of(&self, page: Page, asked: Range<Index>) -> Result<Vec<Checked>, Error> {
        let entries = self.check_page(page).await?;
        match entries.iter().all(|entry| asked.contains(&entry.index)) {
            true => Ok(entries),
            false => Err(Error::unverified(What::Answer)),
        }
    }

    /// A push: a statement that does not verify is named and left out; entries that are not in the log spoil it whole.
    pub(crate) async fn check_deliver(
        &self,
        deliver: Deliver,
    ) -> Result<Vec<(Index, Result<Checked, Error>)>, Error> {
        self.check_all(&deliver.note, deliver.entries, &deliver.proof).await
    }

    async fn check_all(
        &self,
        note: &[u8],
        entries: Vec<Delivered>,
        proof: &MultiProof,
    ) -> Result<Vec<(Index, Result<Checked, Error>)>, Error> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let head = self.until(|state| state.note_of_entries(note)).await?;
        Trust::all_included(&entries, proof, &head).map_err(Error::unverified)?;
        let included: Vec<_> =
            entries.into_iter().map(|delivered| (delivered.index, read(delivered))).collect();
        let wanted: BTreeSet<_> =
            included.iter().filter_map(|(_, entry)| entry.as_ref().ok()?.certificate()).collect();
        self.learn(wanted).await?;
        let verify = |entry: Result<Included, What>| {
            entry.map_err(Error::unverified).and_then(|entry| self.verify(entry).map_err(Error::unverified))
        };
        let checked: Vec<_> = included.into_iter().map(|(index, entry)| (index, verify(entry))).collect();
        self.with(|state| {
            // One's own acts rest on the chain, not on the head that they are shown under.
            let others = checked.iter().filter_map(|(_, entry)| entry.as_ref().ok());
            if others.into_iter().any(|entry| !entry.is_by(state.me.person)) {
                state.trust.rely(&head);
            }
        });
        Ok(checked)
    }

    /// Asks for those certificates that are not in the book.
    pub(crate) async fn learn(&self, wanted: BTreeSet<(CertId, u64)>) -> Result<(), Error> {
        let mut missing: Vec<(CertId, u64)> = self.with(|state| {
            let book = &state.book;
            let known = |id: CertId| book.get(id).is_some() || book.authority_key(id).is_some();
            wanted.into_iter().filter(|(id, _)| !known(*id)).collect()
        });
        missing.dedup_by_key(|(id, _)| *id);
        for some in missing.chunks(CERTIFICATES_MAX) {
            let ids: Vec<_> = some.iter().map(|(id, _)| *id).collect();
            let Answer::Certificates(found) = self.ask(Query::Certificates(ids)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            for der in found {
                let Some((_, at_ms)) = some.iter().find(|(id, _)| *id == CertId::of(&der)) else {
                    return Err(Error::unverified(What::Answer));
                };
                // A bad one is not learnt; the entry that needs it fails by itself.
                let _ = self.with(|state| state.book.admit(&der, *at_ms));
            }
        }
        Ok(())
    }

    fn verify(&self, entry: Included) -> Result<Checked, What> {
        let Included { delivered, wall_ms, content } = entry;
        let content = match content {
            IncludedContent::Fact(fact) => CheckedContent::Fact(fact),
            IncludedContent::Statement(parsed) => {
                CheckedContent::Statement(Box::new(self.verify_statement(*parsed, wall_ms)?))
            }
        };
        let Delivered { index, entry, body, erased_by } = delivered;
        let body = body.map(Into::into);
        Ok(Checked { index, wall_ms, content, body, erased_by, bytes: entry.into() })
    }

    fn verify_statement(&self, parsed: Parsed, wall_ms: u64) -> Result<VerifiedStatement, What> {
        let header = parsed.header();
        let (person, certificate) = (header.person, header.certificate);
        let key = self.with(|state| {
            // An authority's offline acts may have been made before there was a log.
            let authority = person == PersonId(0);
            if header.log != state.trust.log() && !(authority && header.log == journal::LogId::ZERO) {
                return Err(What::Statement);
            }
            if authority {
                return state.book.authority_key(certificate).ok_or(What::Certificate);
            }
            state.book.get(certificate).ok_or(What::Certificate)?.statement_key(person, wall_ms)
        })?;
        parsed.verify(&key).map_err(|_| What::Statement)
    }
}

impl Included {
    fn certificate(&self) -> Option<(CertId, u64)> {
        match &self.content {
            IncludedContent::Statement(parsed) => Some((parsed.certificate(), self.wall_ms)),
            IncludedContent::Fact(_) => None,
        }
    }
}

/// Reads an entry that is proven to be in the log.
fn read(delivered: Delivered) -> Result<Included, What> {
    let entry = Entry::decode(&delivered.entry).map_err(|_| What::Statement)?;
    let content = match entry.content {
        Content::Statement(signed) => IncludedContent::Statement(Box::new(parse(signed)?)),
        Content::Fact(fact) => IncludedContent::Fact(fact),
    };
    Ok(Included { delivered, wall_ms: entry.wall_ms, content })
}

fn parse(signed: SignedStatement) -> Result<Parsed, What> {
    signed.parse().map_err(|_| What::Statement)
}

/// Whether the bytes begin like an entry with a Fact. Cheap, and believed of nothing: those that do are read whole.
fn looks_like_fact(entry: &[u8]) -> bool {
    const FACT: u8 = 1;
    let mut decoder = Decoder::new(entry);
    let mut kind = || {
        decoder.array().ok()?;
        decoder.u8().ok()?;
        decoder.u64().ok()?;
        decoder.u64().ok()?;
        decoder.array().ok()?;
        decoder.u8().ok()
    };
    kind() == Some(FACT)
}

/// The KeyRoll in an entry, if it is one.
pub(crate) fn key_roll(delivered: &Delivered) -> Option<(Index, journal::fact::KeyRoll)> {
    if !looks_like_fact(&delivered.entry) {
        return None;
    }
    match Entry::decode(&delivered.entry).ok()?.content {
        Content::Fact(Fact::KeyRoll(roll)) => Some((delivered.index, roll)),
        Content::Fact(_) | Content::Statement(_) => None,
    }
}
