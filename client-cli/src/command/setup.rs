//! `conclave setup`: takes the site card in, once a person has compared its fingerprint.
//! Never believes a card by itself, and never lets another site's card replace the one that is there.

use crate::Here;
use crate::args::Setup;
use crate::home::read_card;
use crate::trouble::Trouble;
use console::{Exit, clean, confirm_at_terminal};
use pki::durable_file::{self, OWNER_ONLY};
use serde::Serialize;

console::words! {
    enum Said {
        Card { site: String, address: String, suite: String, fingerprint: String }
            => en("site:        {site}\naddress:     {address}\nsuite:       {suite}\nfingerprint: {fingerprint}"),
               ru("система:     {site}\nадрес:       {address}\nалгоритмы:   {suite}\nотпечаток:   {fingerprint}");
        Ask => en("Is this the fingerprint that an officer gave you?"),
               ru("Этот ли отпечаток вам передал офицер?");
        Done { site: String } => en("the card of {site} is in place"), ru("карта системы «{site}» принята");
    }
}

#[derive(Serialize)]
struct Data {
    site: String,
    fingerprint: String,
}

pub(super) fn run(args: Setup, mut here: Here) -> Result<Exit, Trouble> {
    let card = read_card(&args.card)?;
    let fingerprint = card.fingerprint().to_string();
    here.home.prepare()?;
    if here.home.card_path().exists() && here.home.card()?.log_id != card.log_id {
        return Err(Trouble::say(
            Exit::No,
            "other-site",
            "there is a card of another site here; use another --home for this one",
            "здесь уже есть карта другой системы; для этой укажите другой --home",
        ));
    }
    here.voice.remark(&Said::Card {
        site: clean(&card.site),
        address: clean(&card.addresses.join(", ")),
        suite: card.suite.to_string(),
        fingerprint: fingerprint.clone(),
    });
    let agreed = match &args.fingerprint {
        Some(given) => digits(given) == digits(&fingerprint),
        None => {
            let (question, lang) = (console::Words::say(&Said::Ask, here.voice.lang), here.voice.lang);
            confirm_at_terminal(&question, lang, "--fingerprint")?
        }
    };
    if !agreed && args.fingerprint.is_none() {
        return Err(Trouble::say(
            Exit::No,
            "not-confirmed",
            "not confirmed: nothing was taken in. Compare with the fingerprint that an officer gave you",
            "не подтверждено: карта не принята. Сверьте с отпечатком, который передал офицер",
        ));
    }
    if !agreed {
        return Err(Trouble::say(
            Exit::No,
            "fingerprint",
            "the fingerprints differ: nothing was taken in. Ask an officer",
            "отпечатки не совпали: карта не принята. Спросите офицера",
        ));
    }
    let path = here.home.card_path();
    let written = durable_file::replace(&path, card.to_text().as_bytes(), OWNER_ONLY);
    written.map_err(|error| Trouble::io(&path, &error))?;
    let site = clean(&card.site);
    Ok(here.voice.done("setup", &Said::Done { site: site.clone() }, Data { site, fingerprint }))
}

/// Blanks, colons and case are for the eye.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|digit| digit.to_ascii_lowercase()).collect()
}
