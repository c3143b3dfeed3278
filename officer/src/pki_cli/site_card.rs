//! `site-card`: what a terminal must know of the site before it speaks to it.
//! Never secret; only its fingerprint makes it trustworthy, handed over by people.

use super::Place;
use crate::clock;
use crate::files::{self, Readers, shown};
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, Lang, Voice};
use journal::checkpoint::Checkpoint;
use journal::note::VerifierKey;
use paper::SiteCardSheet;
use pki::profile::SERVER_NAME;
use pki::site_card::{LIST_MAX, TEXT_BYTES_MAX};
use pki::{PublicKey, SiteCard, SiteFacts, Suite};
use serde::Serialize;
use std::path::PathBuf;

/// All addresses of a card in one line of the sheet.
const _: () = assert!(paper::FIELD_BYTES_MAX >= LIST_MAX * (TEXT_BYTES_MAX + ", ".len()));

/// Bytes that the sheet's QR code takes.
const CODE_BYTES_MAX: usize = 2331;

/// Make the site card and print its fingerprint, which people compare.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki site-card --address 10.0.0.1:4433 --out site.card --pdf card.pdf"
)]
pub(super) struct Card {
    /// Where terminals find the server; may be given several times.
    #[arg(long, value_name = "HOST:PORT", required = true)]
    address: Vec<String>,
    /// The card; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A sheet with the fingerprint, to be printed; must not exist.
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) const HELP: &HelpTable = &[
    ("site-card/@about", "Составить карточку объекта и показать её отпечаток, который сверяют люди."),
    (
        "site-card/@after",
        "Пример: conclave-pki site-card --address 10.0.0.1:4433 --out site.card --pdf card.pdf",
    ),
    ("site-card/address", "где терминалы найдут сервер; можно указать несколько раз"),
    ("site-card/out", "карточка; файла ещё не должно быть"),
    ("site-card/pdf", "лист с отпечатком для печати; файла ещё не должно быть"),
];

console::words! {
    enum Said {
        Made { path: String, site: String, log: String, fingerprint: String }
            => en("Card of the site \"{site}\": {path}\nlog: {log}\nfingerprint: {fingerprint}"),
               ru("Карточка объекта «{site}»: {path}\nжурнал: {log}\nотпечаток: {fingerprint}");
    }
}

#[derive(Serialize)]
struct Data {
    path: String,
    site: String,
    log: String,
    fingerprint: String,
}

impl Card {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let authority = self.place.read()?;
        if let Some(address) = self.address.iter().find(|address| !is_address(address)) {
            return Err(Trouble::Address { address: console::clean(address) }.into());
        }
        // Sheets that were printed and a card that differs would part: the old card is moved away by hand.
        if self.out.exists() {
            return Err(Trouble::Exists { path: shown(&self.out) }.into());
        }
        let founded = authority.state.founded.as_ref().ok_or(Trouble::NotFounded)?;
        let unmade = |why: &dyn std::fmt::Display| Trouble::Unmade { why: why.to_string() };
        let identity =
            PublicKey::from_raw(Suite::Ed25519, &founded.act.identity).map_err(|why| unmade(&why))?;
        let identity =
            VerifierKey::new(Checkpoint::key_name(founded.log), identity).map_err(|why| unmade(&why))?;
        let card = SiteCard::new(SiteFacts {
            site: founded.act.site.clone(),
            suite: founded.act.suite,
            addresses: self.address.clone(),
            server_name: SERVER_NAME.into(),
            roots: vec![authority.root.clone()],
            issuing: vec![authority.issuing.clone()],
            log_id: founded.log.0,
            log_identity: identity.to_string(),
            core_key: None,
        });
        let card = card.map_err(|why| unmade(&why))?;
        if let Some(pdf) = &self.pdf {
            files::write_new(pdf, &sheet(&card, voice.lang)?, Readers::Anyone)?;
        }
        files::write_new(&self.out, card.to_text().as_bytes(), Readers::Anyone)?;
        let fingerprint = card.fingerprint().to_string();
        let (path, log) = (shown(&self.out), founded.log.to_string());
        let site = console::clean(&card.site);
        let data = Data {
            path: path.clone(),
            site: site.clone(),
            log: log.clone(),
            fingerprint: fingerprint.clone(),
        };
        Ok(voice.done("site-card", &Said::Made { path, site, log, fingerprint }, data))
    }
}

/// `HOST:PORT`, an IPv6 host in brackets.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let whole = host.starts_with('[') && host.ends_with(']') || !host.contains(':');
    !host.is_empty() && whole && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn sheet(card: &SiteCard, lang: Lang) -> Result<Vec<u8>, Trouble> {
    let fingerprint = card.fingerprint();
    let text = card.to_text();
    let short = fingerprint.to_string();
    let code = if text.len() <= CODE_BYTES_MAX { text.as_bytes() } else { short.as_bytes() };
    let pdf = SiteCardSheet {
        site: &card.site,
        address: &card.addresses.join(", "),
        server_name: &card.server_name,
        suite: card.suite.name(),
        fingerprint: &fingerprint.0,
        code,
        issued_ms: clock::now_ms(),
        lang: sheet_lang(lang),
    }
    .pdf();
    Ok(pdf.map_err(|why| Trouble::Sheet { why: why.to_string() })?.to_vec())
}

/// A sheet speaks the language of the command that makes it.
pub(super) fn sheet_lang(lang: Lang) -> paper::Lang {
    lang.pick(paper::Lang::En, paper::Lang::Ru)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["10.0.0.1:4433", "conclave.local:1", "[::1]:4433"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["10.0.0.1", ":4433", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:99999", "::1:4433", ""] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
