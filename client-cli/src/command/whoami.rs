//! `conclave whoami`: who works here, by the certificate.
//! Never asks the server.

use crate::Here;
use crate::reach::Line;
use crate::show::roles;
use crate::trouble::Trouble;
use console::{Exit, clean, count_en, count_ru};
use pki::Role;
use serde::Serialize;

console::words! {
    enum Said {
        Me { name: String, login: String, person: String, site: String, roles: String, clearance: String, until: String }
            => en("{name} @{login} ({person})\nsite:        {site}\nroles:       {roles}\nclearance:   {clearance}\n\
                   certificate: until {until}"),
               ru("{name} @{login} ({person})\nсистема:     {site}\nроли:        {roles}\nдопуск:      {clearance}\n\
                   сертификат:  до {until}");
        Unsent { n: u64 }
            => en("{} not sent yet: `conclave status`", count_en(*n, "act is", "acts are")),
               ru("ещё не отправлено: {}; см. `conclave status`", count_ru(*n, "действие", "действия", "действий"));
    }
}

#[derive(Serialize)]
struct Data {
    person: String,
    login: String,
    full_name: String,
    site: String,
    roles: Vec<String>,
    clearance: u8,
    valid_until: String,
    unlocked: bool,
    unsent: usize,
}

pub(super) fn run(here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let status = line.status()?;
    let Some(me) = status.me else { return Err(Trouble::locked()) };
    let clearance = pki::Clearance(me.clearance);
    let named = Role::ALL.into_iter().filter(|role| me.roles.iter().any(|name| name == role.name()));
    let said = Said::Me {
        name: clean(&me.full_name),
        login: clean(&me.login),
        person: format!("{:016x}", me.person),
        site: clean(&me.site),
        roles: roles(named, here.voice.lang),
        clearance: format!("{clearance} ({})", me.clearance),
        until: me.valid_until.clone(),
    };
    if !status.unsent.is_empty() {
        here.voice.remark(&Said::Unsent { n: status.unsent.len() as u64 });
    }
    let data = Data {
        person: format!("{:016x}", me.person),
        login: me.login,
        full_name: me.full_name,
        site: me.site,
        roles: me.roles,
        clearance: me.clearance,
        valid_until: me.valid_until,
        unlocked: status.unlocked,
        unsent: status.unsent.len(),
    };
    Ok(here.voice.done("whoami", &said, data))
}
