//! The report as a person reads it.
//! Never adds anything to the report: each line is a field of it.

use console::{Align, Lang, Table};

use crate::names::role;
use crate::report::{Anomaly, AnomalyKind, Report};
use pki::Role;

/// The text behind the verdict's own lines. `width` is the terminal's.
pub fn text(report: &Report, lang: Lang, width: usize) -> String {
    let t = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    let mut out = format!(
        "{}: {}\n{}: {}\n{}: {}\n",
        t("site", "система"),
        report.site,
        t("log", "журнал"),
        report.log,
        t("state after the last entry (SHA-256)", "состояние после последней записи (SHA-256)"),
        report.state,
    );
    section(&mut out, t("Compared with heads from outside", "Сверено с контрольными точками извне"));
    if report.anchors.is_empty() {
        out.push_str(&format!("{}\n", t("none", "нет")));
    }
    for anchor in &report.anchors {
        let from = anchor.file.as_deref().unwrap_or(t("trust file", "файл доверия"));
        out.push_str(&format!("{}  {}  {from}\n", anchor.size, anchor.root));
    }
    section(&mut out, t("Signed acts", "Подписанные акты"));
    out.push_str(&kinds(&report.acts, lang, width));
    section(
        &mut out,
        t(
            "Claims of the server (nobody but the log itself signed these)",
            "Утверждения сервера (их не подписывал никто, кроме самого журнала)",
        ),
    );
    out.push_str(&kinds(&report.claims, lang, width));
    section(&mut out, t("People", "Люди"));
    out.push_str(&people(report, lang, width));
    section(&mut out, t("Conversations", "Беседы"));
    let [all, closed, erased] = report.conversations;
    out.push_str(&lang.pick(
        format!("{all}, closed {closed}, erased whole {erased}; messages {}\n", report.messages),
        format!("{all}, закрыто {closed}, стёрто целиком {erased}; сообщений {}\n", report.messages),
    ));
    section(&mut out, t("Erasures", "Стирания"));
    out.push_str(&erasures(report, lang, width));
    section(&mut out, t("To be looked at", "На что посмотреть"));
    out.push_str(&anomalies(report, lang));
    out
}

fn section(out: &mut String, heading: &str) {
    out.push_str(&format!("\n{heading}\n"));
}

fn kinds(rows: &[crate::report::KindRow], lang: Lang, width: usize) -> String {
    let heads = [(lang.pick("kind", "вид"), Align::Left), (lang.pick("entries", "записей"), Align::Right)];
    let mut table = Table::new(heads);
    for row in rows {
        table.row([row.name.to_owned(), row.count.to_string()]);
    }
    table.render(width)
}

fn people(report: &Report, lang: Lang, width: usize) -> String {
    let t = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    let mut table = Table::new([
        (t("login", "имя входа"), Align::Left),
        (t("name", "имя"), Align::Left),
        (t("roles", "роли"), Align::Left),
        (t("clearance", "допуск"), Align::Right),
        (t("signed", "подписал"), Align::Right),
        (t("state", "состояние"), Align::Left),
    ]);
    for row in &report.people {
        let roles = row.roles.iter().filter_map(|name| Role::from_name(name));
        let roles: Vec<&str> = roles.map(|one| role(one, lang)).collect();
        let state = [
            (row.revoked, t("revoked", "отозван")),
            (row.suspended, t("suspended", "приостановлен")),
            (row.locked, t("locked", "заблокирован")),
        ];
        let state = state.iter().filter_map(|(at, word)| Some(format!("{word} #{}", (*at)?)));
        table.row([
            row.login.clone(),
            row.name.clone(),
            roles.join(", "),
            row.clearance.to_string(),
            row.signed.to_string(),
            state.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.render(width)
}

fn erasures(report: &Report, lang: Lang, width: usize) -> String {
    let t = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    if report.erasures.is_empty() {
        return format!("{}\n", t("none", "нет"));
    }
    let mut table = Table::new([
        (t("entry", "запись"), Align::Right),
        (t("at", "когда"), Align::Left),
        (t("by", "кто"), Align::Left),
        (t("what", "что"), Align::Left),
        (t("done (the server's claim)", "исполнено (утверждает сервер)"), Align::Left),
    ]);
    for row in &report.erasures {
        let place = row.conversation.map_or_else(String::new, |number| format!("#{number}"));
        let what = match row.messages {
            Some(n) => lang.pick(format!("{n} in {place}"), format!("сообщений {n} в {place}")),
            None => lang.pick(format!("all of {place}"), format!("{place} целиком")),
        };
        let done = row.done.map_or_else(|| t("pending", "ожидает").to_owned(), |at| format!("#{at}"));
        table.row([format!("#{}", row.index), row.at.clone(), row.by.clone(), what, done]);
    }
    let mut out = table.render(width);
    more(&mut out, report.erasures_more, lang);
    out
}

fn anomalies(report: &Report, lang: Lang) -> String {
    if report.anomalies.is_empty() {
        return format!("{}\n", lang.pick("nothing", "ничего"));
    }
    let mut out = String::new();
    for found in &report.anomalies {
        out.push_str(&format!("#{}  {}\n", found.index, anomaly(found, lang)));
    }
    more(&mut out, report.anomalies_more, lang);
    out
}

fn more(out: &mut String, count: u64, lang: Lang) {
    if count > 0 {
        out.push_str(&lang.pick(format!("and {count} more\n"), format!("и ещё {count}\n")));
    }
}

fn anomaly(found: &Anomaly, lang: Lang) -> String {
    let who = found.who.as_deref().unwrap_or_default();
    let other = found.other.unwrap_or_default();
    match found.kind {
        AnomalyKind::Alarm => lang.pick(format!("alarm {who}"), format!("тревога {who}")),
        AnomalyKind::ClockStep => lang.pick("the clock jumped", "часы сбились").to_owned(),
        AnomalyKind::UncleanStart => lang
            .pick(
                "started without having stopped: power cut or killed",
                "пуск без остановки: сбой питания или прерывание",
            )
            .to_owned(),
        AnomalyKind::SetAside => lang
            .pick("unreleased bytes were set aside at this start", "при этом пуске отложены невыданные байты")
            .to_owned(),
        AnomalyKind::DevelopmentCell => lang
            .pick(
                "the root cell is a file: against old copies of that file erasure promises nothing",
                "ячейка корня — файл: против старых копий этого файла стирание ничего не обещает",
            )
            .to_owned(),
        AnomalyKind::WrongPasswords => {
            lang.pick(format!("wrong passwords of {who}"), format!("неверные пароли: {who}"))
        }
        AnomalyKind::DuplicateCommitment => lang.pick(
            format!("the same commitment as #{other}: one body sent twice, or a salt used twice"),
            format!("то же обязательство, что в #{other}: одно тело послано дважды или соль повторена"),
        ),
        AnomalyKind::ErasurePending => lang
            .pick("erasure asked for and not done yet", "стирание запрошено и ещё не исполнено")
            .to_owned(),
    }
    .trim_end()
    .to_owned()
}
