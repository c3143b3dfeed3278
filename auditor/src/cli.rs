//! The command line of `conclave-audit`, and its Russian help.
//! Never runs anything.

use clap::{Parser, Subcommand};
use console::{Common, Extra, HelpTable};

use crate::command;

/// Verify a journal of Conclave without the appliance.
#[derive(Parser, Debug)]
#[command(
    name = "conclave-audit",
    version,
    after_help = "Example: conclave-audit verify march.journal --trust site.trust"
)]
#[allow(missing_docs, reason = "a text here would take the place of the group's own help")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "the help stands at each command's own struct")]
pub enum Command {
    /// What you believe: log id, identity key, authorities, limits, last anchor.
    #[command(subcommand, after_help = "Example: conclave-audit trust show site.trust")]
    Trust(command::trust::Command),
    #[command(
        after_help = "The bundle ends before the entry that records this export; your next one holds it.\n\
                      Example: conclave-audit export march.journal"
    )]
    Export(command::export::Export),
    #[command(
        after_help = "Example: conclave-audit verify march.journal --trust site.trust --anchor anna.checkpoint"
    )]
    Verify(command::verify::Verify),
    #[command(after_help = "Example: conclave-audit report march.journal --trust site.trust --json")]
    Report(command::report::Report),
    #[command(after_help = "Example: conclave-audit show march.journal --who anna --kind message")]
    Show(command::show::Show),
    #[command(after_help = "Example: conclave-audit prove march.journal 1234 --out 1234.proof")]
    Prove(command::prove::Prove),
    #[command(after_help = "Example: conclave-audit check-proof 1234.proof --trust site.trust")]
    CheckProof(command::check_proof::CheckProof),
    #[command(after_help = "Exit codes: 0 proven; 2 not proven; 3 another head than the trust file's.\n\
                      Example: conclave-audit check-disclosure 1234.disclosure --trust site.trust")]
    CheckDisclosure(command::check_disclosure::CheckDisclosure),
    #[command(after_help = "Example: conclave-audit receipt 1234.receipt --trust site.trust")]
    Receipt(command::receipt::Receipt),
    #[command(after_help = "Example: conclave-audit finding 1234 --severity high --code erasure")]
    Finding(command::finding::Finding),
    #[command(
        after_help = "Example: conclave-audit extract march.journal 1234 --trust site.trust --out evidence"
    )]
    Extract(command::extract::Extract),
    #[command(flatten)]
    Extra(Extra),
}

/// Russian help.
pub const RU: &HelpTable = &[
    ("/@about", "Проверка журнала «Конклава» без самой системы"),
    ("/@after", "Пример: conclave-audit verify march.journal --trust site.trust"),
    (
        "trust/@about",
        "то, чему вы доверяете: номер журнала, его ключ, центры, пределы, последняя точка сверки",
    ),
    ("trust/@after", "Пример: conclave-audit trust show site.trust"),
    ("trust init/@about", "записать файл доверия по карте системы или введённым значениям, сверив отпечаток"),
    ("trust init/@after", "Пример: conclave-audit trust init --card site.card --out site.trust"),
    ("trust init/out", "куда записать; существующий файл останется как есть"),
    ("trust init/card", "карта системы"),
    ("trust init/log_id", "номер журнала, 64 шестнадцатеричные цифры"),
    ("trust init/identity", "ключ журнала в виде проверочного ключа (имя+номер+base64)"),
    ("trust init/root", "корневые сертификаты, PEM"),
    ("trust init/issuing", "сертификаты выпускающих центров, PEM"),
    ("trust init/site", "название системы"),
    ("trust init/suite", "алгоритмы системы: ed25519 или ecdsa-p256"),
    ("trust init/fingerprint", "отпечаток, сверенный по бумаге; без него вас спросят у терминала"),
    ("trust init/anchor", "первая точка сверки: контрольная точка, подписанная журналом"),
    ("trust init/head", "первая точка сверки с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64"),
    ("trust init/age_days", "на сколько суток точка сверки может быть старше последней записи"),
    ("trust init/beyond", "сколько записей может быть после точки сверки"),
    ("trust show/@about", "показать файл доверия"),
    ("trust show/@after", "Пример: conclave-audit trust show site.trust"),
    ("trust show/file", "файл доверия"),
    ("export/@about", "выгрузить весь журнал из системы; сама выгрузка записывается в журнал"),
    (
        "export/@after",
        "Выгрузка кончается перед записью о ней самой; та войдёт в следующую.\n\
         Пример: conclave-audit export march.journal",
    ),
    ("export/out", "куда записать выгрузку; существующий файл останется как есть"),
    ("*/home", "каталог ваших ключей и карты системы (иначе CONCLAVE_HOME, иначе каталог настроек)"),
    ("*/end_other", "завершить другой ваш сеанс"),
    ("*/separate", "пароль отличается от парольной фразы ключей: спросить оба"),
    ("verify/@about", "проверить выгрузку, повторив каждую запись"),
    (
        "verify/@long",
        "Проверить выгрузку, повторив каждую запись\n\nКоды завершения: 0 — проверено и сверено; 2 — недействительно; \
         3 — две контрольные точки противоречат друг другу; 4 — непротиворечиво, но не сверено в пределах файла \
         доверия; 5 — неполно.",
    ),
    (
        "verify/@after",
        "Пример: conclave-audit verify march.journal --trust site.trust --anchor anna.checkpoint",
    ),
    ("*/bundle", "выгрузка журнала"),
    ("*/trust", "файл доверия"),
    ("verify/anchor", "ещё одна контрольная точка извне: подписанная журналом, с терминала или от свидетеля"),
    (
        "verify/head",
        "ещё одна контрольная точка с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64; ЭРА/РАЗМЕР:КОРЕНЬ, если так записано",
    ),
    ("verify/no_update", "не менять файл доверия"),
    (
        "verify/adopt",
        "принять эту вершину как точку сверки, хотя извне её ничто не подтверждает: под вашу ответственность",
    ),
    ("report/@about", "проверить выгрузку и составить отчёт обо всём, что в ней есть"),
    ("report/@after", "Пример: conclave-audit report march.journal --trust site.trust --json"),
    ("report/anchor", "ещё одна контрольная точка извне: подписанная журналом, с терминала или от свидетеля"),
    (
        "report/head",
        "ещё одна контрольная точка с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64; ЭРА/РАЗМЕР:КОРЕНЬ, если так записано",
    ),
    ("show/@about", "показать записи выгрузки, по строке на каждую, без проверки"),
    ("show/@after", "Пример: conclave-audit show march.journal --who anna --kind message"),
    ("show/who", "только подписанное этим лицом или касающееся его: имя входа или номер"),
    ("show/conversation", "только эта беседа: её номер, то есть номер записи о создании"),
    ("show/kind", "только этот вид записей, например message, login или erased"),
    ("show/since", "только с этого времени, RFC 3339"),
    ("prove/@about", "сделать доказательство, что запись есть в журнале (C2SP tlog-proof, с самой записью)"),
    ("prove/@after", "Пример: conclave-audit prove march.journal 1234 --out 1234.proof"),
    ("*/index", "номер записи"),
    ("prove/out", "записать сюда, а не на стандартный вывод"),
    (
        "check-proof/@about",
        "проверить доказательство, что запись есть в журнале: файл от prove или голые значения",
    ),
    ("check-proof/@after", "Пример: conclave-audit check-proof 1234.proof --trust site.trust"),
    ("check-proof/file", "доказательство, C2SP tlog-proof"),
    ("check-proof/entry", "байты записи, если доказательство их не несёт"),
    ("check-proof/leaf", "голые значения: хеш листа в hex"),
    ("check-proof/index", "голые значения: номер записи"),
    ("check-proof/size", "голые значения: размер дерева"),
    ("check-proof/root", "голые значения: корень в hex"),
    ("check-proof/path", "голые значения: хеш пути в hex, от соседа листа вверх; по разу на каждый"),
    ("check-disclosure/@about", "проверить раскрытое сообщение: кто, где и когда его написал и что в нём"),
    (
        "check-disclosure/@after",
        "Коды завершения: 0 — доказано; 2 — не доказано; 3 — не та вершина, что в файле доверия.\n\
         Пример: conclave-audit check-disclosure 1234.disclosure --trust site.trust",
    ),
    ("check-disclosure/file", "файл от `conclave message disclose`"),
    (
        "check-disclosure/text",
        "записать текст сюда, как он написан, а не показывать; прочесть файл сможете только вы",
    ),
    (
        "finding/@about",
        "внести замечание к записи: журнал его сохранит, офицеры узнают, и оно останется открытым, пока один из них его не \
         закроет",
    ),
    ("finding/@after", "Пример: conclave-audit finding 1234 --severity high --code erasure"),
    ("finding/severity", "степень"),
    ("finding/code", "о чём оно"),
    ("receipt/@about", "проверить сохранённую квитанцию: какое действие, чьё, и что оно есть в журнале"),
    ("receipt/@after", "Пример: conclave-audit receipt 1234.receipt --trust site.trust"),
    ("receipt/file", "файл от `conclave message receipt`"),
    ("receipt/certificate", "сертификат подписавшего, PEM; иначе FILE.pem"),
    (
        "extract/@about",
        "записать подписанные байты заявления, подпись, сертификат и ключ и показать, как их проверит openssl",
    ),
    ("extract/@after", "Пример: conclave-audit extract march.journal 1234 --trust site.trust --out evidence"),
    (
        "extract/trust",
        "файл доверия: записи до этой включительно воспроизводятся, и лишь тогда известно, чей это сертификат",
    ),
    ("extract/out", "каталог для записи; если его нет, он создаётся"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use console::{stale, untranslated};

    #[test]
    fn every_text_is_there_in_russian_and_none_is_left_over() {
        Cli::command().debug_assert();
        assert_eq!(untranslated(&Cli::command(), RU), [""; 0]);
        let left: Vec<String> =
            stale(&Cli::command(), RU).into_iter().filter(|id| !id.starts_with("*/")).collect();
        assert_eq!(left, [""; 0]);
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let example = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(example.contains("conclave-audit"), "{}", sub.get_name());
                check(sub);
            }
        }
        check(&Cli::command());
    }
}
