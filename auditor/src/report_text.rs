//! The report as a person reads it.
//! Never adds anything to the report: each line is a field of it.

use console::{Align, Lang, Table};
use link::terminal::raised_words;

use crate::advice::alarm_of;
use crate::describe_fact::alarm;
use crate::desk_rows::{about, open_words};
use crate::kind_words::kind_words;
use crate::names::{label, role};
use crate::report::{Anomaly, AnomalyKind, BY_SCHEDULE, ErasureRow, Grounds, Report};
use crate::report_desk_text::{desk, more};
use pki::{Clearance, Role};

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
    section(&mut out, t("Compared with heads from outside", "Сверено с вершинами извне"));
    if report.anchors.is_empty() {
        out.push_str(&format!("{}\n", t("none", "нет")));
    }
    for anchor in &report.anchors {
        let from = anchor.file.as_deref().unwrap_or(t("trust file", "файл доверия"));
        let own = if anchor.own {
            t(" (your own, from an earlier audit)", " (ваша собственная, от прежней проверки)")
        } else {
            ""
        };
        out.push_str(&format!("{}  {}  {from}{own}\n", anchor.size, anchor.root));
    }
    if report.by_others < report.anchored {
        let others = report.by_others;
        out.push_str(&lang.pick(
            format!("entries that somebody else's head covers: {others}\n"),
            format!("записей под чужой вершиной: {others}\n"),
        ));
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
    section(&mut out, t("What was given away and what was raised", "Что раскрыто и о чём сообщено"));
    out.push_str(&desk(report, lang, width));
    section(&mut out, t("Erasures", "Стирания"));
    out.push_str(&erasures(report, lang, width));
    let claimed = |found: &&Anomaly| matches!(found.grounds, Grounds::Claim | Grounds::Unproven);
    let (claims, found): (Vec<_>, Vec<_>) = report.anomalies.iter().partition(claimed);
    section(&mut out, t("To be looked at", "На что посмотреть"));
    report.successions.iter().for_each(|found| out.push_str(&format!("{}\n", found.line(lang))));
    if !found.is_empty() || report.successions.is_empty() {
        anomalies(&mut out, &found, lang);
    }
    section(
        &mut out,
        t("To be looked at, by the server's word alone", "На что посмотреть, лишь со слов сервера"),
    );
    anomalies(&mut out, &claims, lang);
    more(&mut out, report.anomalies_more, lang);
    out
}

fn section(out: &mut String, heading: &str) {
    out.push_str(&format!("\n{heading}\n"));
}

fn kinds(rows: &[crate::report::KindRow], lang: Lang, width: usize) -> String {
    let heads = [(lang.pick("kind", "вид"), Align::Left), (lang.pick("entries", "записей"), Align::Right)];
    let mut table = Table::new(heads);
    for row in rows {
        // Scripts and filters know the stable name.
        let name = match (lang, kind_words(row.kind, lang)) {
            (Lang::Ru, Some(words)) => format!("{words} ({})", row.name),
            (Lang::Ru | Lang::En, _) => row.name.to_owned(),
        };
        table.row([name, row.count.to_string()]);
    }
    table.render(width)
}

fn people(report: &Report, lang: Lang, width: usize) -> String {
    let t = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    let mut table = Table::new([
        (t("login", "имя входа"), Align::Left),
        (t("name", "имя"), Align::Left),
        (t("roles", "роли"), Align::Left),
        (t("clearance", "допуск"), Align::Left),
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
            label(&report.labels, Clearance(row.clearance), lang),
            row.signed.to_string(),
            state.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.render(width)
}

/// Whose it was, or that the schedule did it.
fn by(row: &ErasureRow, lang: Lang) -> String {
    match row.by == BY_SCHEDULE && row.conversation.is_none() {
        true => lang.pick("(retention schedule)", "(срок хранения)").to_owned(),
        false => row.by.clone(),
    }
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
        (t("by which right", "по какому праву"), Align::Left),
        (t("done (the server's claim)", "исполнено (утверждает сервер)"), Align::Left),
    ]);
    for row in &report.erasures {
        let place = row.conversation.map_or_else(String::new, |number| format!("#{number}"));
        let what = match row.messages {
            Some(n) if row.conversation.is_none() => n.to_string(),
            Some(n) => lang.pick(format!("{n} in {place}"), format!("сообщений {n} в {place}")),
            None => lang.pick(format!("all of {place}"), format!("{place} целиком")),
        };
        let right = row.right.map_or("", |right| right.words(lang)).to_owned();
        let done = row.done.map_or_else(|| t("pending", "ожидает").to_owned(), |at| format!("#{at}"));
        table.row([format!("#{}", row.index), row.at.clone(), by(row, lang), what, right, done]);
    }
    let mut out = table.render(width);
    more(&mut out, report.erasures_more, lang);
    out
}

fn anomalies(out: &mut String, found: &[&Anomaly], lang: Lang) {
    if found.is_empty() {
        out.push_str(&format!("{}\n", lang.pick("nothing", "ничего")));
    }
    for found in found {
        let severity = found.severity.words(lang);
        out.push_str(&format!("#{}  [{severity}] {}\n", found.index, anomaly(found, lang)));
    }
}

fn alarm_line(found: &Anomaly, lang: Lang) -> String {
    let what = alarm_of(found).map_or("", |kind| alarm(kind, lang));
    let who = found.who.as_ref().map_or_else(String::new, |who| format!(": {who}"));
    lang.pick(format!("alarm: {what}{who}"), format!("тревога: {what}{who}")) + &evidence(found, lang)
}

/// What the server's evidence comes to, where it keeps any.
fn evidence(found: &Anomaly, lang: Lang) -> String {
    let first = found.other.unwrap_or_default();
    match found.grounds {
        Grounds::Proven => lang.pick(
            format!("; proven by both signatures, the first text is #{first}"),
            format!("; доказано обеими подписями, первый текст — #{first}"),
        ),
        Grounds::Unproven => lang
            .pick("; what the server kept does not prove it", "; сохранённое сервером этого не доказывает")
            .to_owned(),
        Grounds::Entries | Grounds::Claim => String::new(),
    }
}

/// What was raised, about whom, what proves it, and how it stands.
pub(crate) fn open_line(found: &Anomaly, lang: Lang) -> String {
    let Some(open) = &found.open else { return String::new() };
    let words = raised_words(open.raised);
    let mut line = lang.pick(words.en, words.ru) + &about(found.who.as_deref(), lang);
    if open.times > 1 {
        line += &lang.pick(format!("; {} times", open.times), format!("; раз: {}", open.times));
    }
    line + &evidence(found, lang) + "; " + &open_words(open.acknowledged.as_ref(), lang)
}

fn anomaly(found: &Anomaly, lang: Lang) -> String {
    let who = found.who.as_deref().unwrap_or_default();
    let other = found.other.unwrap_or_default();
    match found.kind {
        AnomalyKind::Alarm => alarm_line(found, lang),
        AnomalyKind::ClockStep => lang.pick("the clock jumped", "часы сбились").to_owned(),
        AnomalyKind::ClockSet => {
            let to = found.to.as_deref().unwrap_or_default();
            lang.pick(
                format!("the journal's time was set back to {to}: proposed in #{other}, approved by {who}"),
                format!("время журнала переведено назад на {to}: предложено в #{other}, утверждено: {who}"),
            )
        }
        AnomalyKind::ClockAttestedOff => {
            let shown = found.to.as_deref().unwrap_or_default();
            lang.pick(
                format!("by a trusted watch of {who} it was {shown}"),
                format!("по верным часам ({who}) было {shown}"),
            )
        }
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
        AnomalyKind::FindingOpen | AnomalyKind::ReportOpen | AnomalyKind::AlarmUnacknowledged => {
            open_line(found, lang)
        }
        AnomalyKind::ErasurePending => lang
            .pick("erasure asked for and not done yet", "стирание запрошено и ещё не исполнено")
            .to_owned(),
    }
    .trim_end()
    .to_owned()
}
