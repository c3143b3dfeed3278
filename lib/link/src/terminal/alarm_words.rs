//! Alarms, reports and findings in words, with what to do, for every program that shows one.
//! Never says more than the alarm does: it is the server's word, and only that it stands in the log is proven.

use journal::act::{CloseOutcome, FindingCode, ReportReason, Severity};
use journal::fact::AlarmKind;
use journal::register::Raised;
use protocol::client::event::AlarmView;

/// An alarm in both languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmWords {
    /// Name for scripts.
    pub name: &'static str,
    /// What is wrong, for an English reader, without a full stop.
    pub en: String,
    /// For a Russian reader.
    pub ru: String,
    /// What to do about it.
    pub advice_en: &'static str,
    /// For a Russian reader.
    pub advice_ru: &'static str,
}

const DAY_MS: u64 = 24 * 3_600_000;

/// The words of what was raised.
pub fn alarm_words(view: &AlarmView) -> AlarmWords {
    raised_words(view.what)
}

/// Likewise, of what is open.
pub fn raised_words(what: Raised) -> AlarmWords {
    match what {
        Raised::Alarm(alarm, _, number) => server_words(alarm, number),
        Raised::Report(reason, message) => report_words(reason, message),
        Raised::Finding(severity, code, entry) => finding_words(severity, code, entry),
    }
}

fn report_words(reason: ReportReason, message: u64) -> AlarmWords {
    let (name, en, ru) = match reason {
        ReportReason::NotMine => (
            "report-not-mine",
            format!("the person named as author of message #{message} says that he did not write it"),
            format!("названный автором сообщения № {message} заявляет, что не писал его"),
        ),
        ReportReason::Mislabelled => (
            "report-mislabelled",
            format!("message #{message} is said to bear a wrong label"),
            format!("сообщено, что у сообщения № {message} неверный гриф"),
        ),
        ReportReason::Other => (
            "report-other",
            format!("something is said to be wrong with message #{message}"),
            format!("сообщено, что с сообщением № {message} что-то не так"),
        ),
    };
    let (advice_en, advice_ru) = match reason {
        ReportReason::NotMine => (
            "Ask that person at once. If it was not him, somebody else has his key: conclave-admin revoke @LOGIN",
            "Сразу спросите этого человека. Если это не он, его ключ у кого-то ещё: conclave-admin revoke @ЛОГИН",
        ),
        ReportReason::Mislabelled | ReportReason::Other => (
            "Ask that person; what was decided goes into: conclave-admin alarm ack, then alarm close",
            "Спросите этого человека; решение запишите: conclave-admin alarm ack, затем alarm close",
        ),
    };
    AlarmWords { name, en, ru, advice_en, advice_ru }
}

/// The name of a severity for scripts, and both languages.
pub fn severity_words(severity: Severity) -> (&'static str, &'static str, &'static str) {
    match severity {
        Severity::Low => ("low", "low", "низкая"),
        Severity::Medium => ("medium", "medium", "средняя"),
        Severity::High => ("high", "high", "высокая"),
        Severity::Critical => ("critical", "CRITICAL", "КРИТИЧЕСКАЯ"),
    }
}

/// The name of a finding's code for scripts, and both languages.
pub fn finding_code_words(code: FindingCode) -> (&'static str, &'static str, &'static str) {
    match code {
        FindingCode::Unexplained => {
            ("unexplained", "an act that nobody explains", "действие, которое никто не объясняет")
        }
        FindingCode::Rights => {
            ("rights", "rights beyond what the work needs", "права сверх нужных для работы")
        }
        FindingCode::Identity => {
            ("identity", "a key or password in other hands", "ключ или пароль в чужих руках")
        }
        FindingCode::Clock => ("clock", "the server's clock", "часы сервера"),
        FindingCode::Erasure => (
            "erasure",
            "an erasure, order or hold without its paper",
            "стирание, приказ или запрет без бумаги",
        ),
        FindingCode::Retention => ("retention", "how long things are kept", "сроки хранения"),
        FindingCode::Backup => ("backup", "backups", "резервные копии"),
        FindingCode::Missing => {
            ("missing", "something is missing in the journal", "в журнале чего-то не хватает")
        }
        FindingCode::Procedure => {
            ("procedure", "against the site's own rules", "нарушен порядок, принятый здесь")
        }
        FindingCode::Other => ("other", "something else", "иное"),
    }
}

/// The name of an outcome for scripts, and both languages.
pub fn outcome_words(outcome: CloseOutcome) -> (&'static str, &'static str, &'static str) {
    match outcome {
        CloseOutcome::Mended => ("mended", "put right", "исправлено"),
        CloseOutcome::False => ("false", "it was not so", "не подтвердилось"),
        CloseOutcome::Accepted => ("accepted", "accepted as it is", "принято как есть"),
        CloseOutcome::Other => ("other", "another outcome", "иное"),
    }
}

fn finding_words(severity: Severity, code: FindingCode, entry: u64) -> AlarmWords {
    let ((_, level_en, level_ru), (_, what_en, what_ru)) =
        (severity_words(severity), finding_code_words(code));
    AlarmWords {
        name: "finding",
        en: format!("an auditor's finding at entry #{entry}, severity {level_en}: {what_en}"),
        ru: format!("замечание аудитора к записи № {entry}, степень {level_ru}: {what_ru}"),
        advice_en: "Ask the auditor for his paper; what was decided goes into: conclave-admin alarm ack, then alarm close",
        advice_ru: "Запросите бумагу у аудитора; решение запишите: conclave-admin alarm ack, затем alarm close",
    }
}

fn server_words(alarm: AlarmKind, number: Option<u64>) -> AlarmWords {
    let n = number.unwrap_or(0);
    let say = |name, en: &str, ru: &str, advice_en, advice_ru| AlarmWords {
        name,
        en: en.into(),
        ru: ru.into(),
        advice_en,
        advice_ru,
    };
    match alarm {
        AlarmKind::Equivocation => say(
            "equivocation",
            "two different statements were signed under one number with a person's key",
            "ключом одного человека подписаны два разных заявления под одним номером",
            "Ask that person. Where nobody can explain it, somebody else has the key: conclave-admin revoke @LOGIN. \
             Both texts: conclave-audit report",
            "Спросите этого человека. Если объяснения нет, ключ у кого-то ещё: conclave-admin revoke @ЛОГИН. Оба текста: \
             conclave-audit report",
        ),
        AlarmKind::Fork => say(
            "fork",
            "a signed checkpoint contradicts the log",
            "подписанная контрольная точка противоречит журналу",
            "Nobody should work with this server until the auditor has compared the heads: conclave-audit verify",
            "До сверки вершин аудитором с этим сервером не работают: conclave-audit verify",
        ),
        AlarmKind::NearlyFull => say(
            "nearly-full",
            "the device is nearly full: messages are refused",
            "носитель почти заполнен: сообщения не принимаются",
            "Let something be erased, or give the store more room on the server's host: conclaved store grow. Where there is none \
             to give, two officers close this log into another one: conclave-admin log close",
            "Сотрите ненужное или добавьте места на машине сервера: conclaved store grow. Если добавить нечего, два офицера \
             закрывают этот журнал и продолжают его в другом: conclave-admin log close",
        ),
        AlarmKind::BodyDamaged => say(
            "body-damaged",
            &match number {
                Some(index) => format!(
                    "the stored text or file of entry #{index} is missing or damaged, perhaps others too"
                ),
                None => "a stored text or file is missing or damaged".into(),
            },
            &match number {
                Some(index) => format!(
                    "сохранённый текст или файл записи № {index} пропал или повреждён, возможно, и другие"
                ),
                None => "сохранённый текст или файл пропал или повреждён".into(),
            },
            "On the server's host, with the server stopped: conclaved store check. Keep the newest backup. Where nothing brings it \
             back, whoever may erase it ends the damage: conclave erase do",
            "На машине сервера, остановив его: conclaved store check. Новейшую резервную копию сохраните. Если его ничем не \
             вернуть, повреждение снимет тот, кто вправе стереть: conclave erase do",
        ),
        AlarmKind::LoginFlood => say(
            "login-flood",
            "failed logins with one person's certificate were too many to record one by one",
            "неудачных входов с одним сертификатом больше, чем можно записать по одному",
            "Ask that person; where it was somebody else: conclave-admin user suspend @LOGIN, then new keys",
            "Спросите этого человека; если это не он: conclave-admin user suspend @ЛОГИН, затем новые ключи",
        ),
        AlarmKind::HoldEndsSoon => say(
            "hold-ends-soon",
            &format!("the hold #{n} ends soon; what it keeps may then be erased"),
            &format!("запрет на стирание № {n} скоро истекает; после этого удержанное можно стереть"),
            "Where its reason stands, place it anew before: conclave-admin hold list, hold place",
            "Если основание в силе, наложите его заново до срока: conclave-admin hold list, hold place",
        ),
        AlarmKind::RetentionMissed => say(
            "retention-missed",
            "a run of the retention schedule did not come in time",
            "стирание по сроку хранения не прошло вовремя",
            "Usual after the server stood still. Where it did not, ask who runs it: conclave-admin retention status",
            "Обычно после простоя сервера. Если простоя не было, спросите его администратора: conclave-admin retention \
             status",
        ),
        AlarmKind::BackupBehind => say(
            "backup-behind",
            "an erasure went on without its backup: no backup can be restored now",
            "уничтожение прошло без своей резервной копии: сейчас восстановить нельзя ни одну",
            "An administrator takes a new one at once: conclave-admin backup pull",
            "Администратор сразу снимает новую: conclave-admin backup pull",
        ),
        AlarmKind::WitnessSilent => say(
            "witness-silent",
            "no witness has cosigned the journal for a minute",
            "ни один свидетель уже минуту не заверял журнал",
            "Ask who runs the witness: is its machine on, and what does conclave-audit witness run say there? It may have \
             seen another history: then nobody should work until the auditor has compared the heads",
            "Спросите, у кого стоит свидетель: включена ли машина и что там пишет conclave-audit witness run? Возможно, он \
             увидел другую историю: тогда до сверки вершин аудитором работать нельзя",
        ),
        AlarmKind::ClockLeapt => {
            let days = n / DAY_MS;
            say(
                "clock-leapt",
                &format!(
                    "the server's date went on by {days} d more than the server ran: erasure by the retention schedule waits"
                ),
                &format!(
                    "дата сервера ушла вперёд на {days} дн. больше, чем он работал: стирание по сроку хранения ждёт"
                ),
                "Is the date of the server right? If so, two officers may end the wait: conclave-admin retention propose \
                 --date-is-right. If NOT, stop the schedule before the wait is over: conclave-admin retention propose \
                 --for-ever, and have the date set right. How long it waits: conclave-admin retention status",
                "Верна ли дата на сервере? Если верна, два офицера могут прекратить ожидание: conclave-admin retention \
                 propose --date-is-right. Если НЕТ, отмените сроки, пока ожидание не кончилось: conclave-admin retention \
                 propose --for-ever, и пусть дату исправят. Сколько ждать: conclave-admin retention status",
            )
        }
    }
}
