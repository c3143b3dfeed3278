//! Names that look alike, told before anybody is certified under one.
//! Never decides that two people are one: a person looks, and says so.

use crate::authority::Authority;
use crate::authority::issue::Grant;
use crate::roster::{self, Finding, Row};
use crate::trouble::Trouble;
use console::Voice;

console::words! {
    pub(super) enum Look {
        Logins { logins: String }
            => en("LOOK: these logins look alike: {logins}"), ru("ПРОВЕРЬТЕ: похожие логины: {logins}");
        Names { people: String }
            => en("LOOK: these names are the same or look alike: {people}"),
               ru("ПРОВЕРЬТЕ: одинаковые или похожие имена: {people}");
    }
}

/// What was found, in words; `None` for two rows of one login, which is a fault of a roster.
pub(super) fn words(finding: &Finding) -> Option<Look> {
    match finding {
        Finding::SameLogin { .. } => None,
        Finding::AlikeLogins { logins } => Some(Look::Logins { logins: logins.join(", ") }),
        Finding::AlikeNames { people } => {
            let one = |(name, login): &(String, String)| format!("{} ({login})", console::clean(name));
            Some(Look::Names { people: people.iter().map(one).collect::<Vec<_>>().join(", ") })
        }
    }
}

/// Everybody here but these logins: login and full name.
fn others(authority: &Authority, but: &[Row]) -> Vec<(String, String)> {
    let people = authority.state.people.values();
    let others = people.filter(|one| !but.iter().any(|row| row.names.login == one.names.login));
    others.map(|one| (one.names.login.clone(), one.names.full_name.clone())).collect()
}

/// Refuses to certify under these names until somebody has looked at what is like them here.
pub(super) fn look<'a>(
    authority: &Authority,
    grants: impl Iterator<Item = &'a Grant>,
    looked: bool,
    voice: Voice,
) -> Result<(), Trouble> {
    let row = |(line, grant): (u64, &Grant)| Row {
        line,
        names: grant.names.clone(),
        roles: grant.roles,
        clearance: grant.clearance,
    };
    let rows: Vec<Row> = (1..).zip(grants).map(row).collect();
    let found = roster::findings(&rows, &others(authority, &rows));
    let found: Vec<Look> = found.iter().filter_map(words).collect();
    if looked || found.is_empty() {
        return Ok(());
    }
    found.iter().for_each(|one| voice.remark(one));
    Err(Trouble::Alike)
}
