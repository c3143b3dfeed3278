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
                      Example: conclave-audit export march.journal\n\
                      Example: conclave-audit export march.tiles --tiles --from march.journal"
    )]
    Export(command::export::Export),
    #[command(
        after_help = "Example: conclave-audit verify march.journal --trust site.trust --anchor anna.checkpoint"
    )]
    Verify(command::verify::Verify),
    #[command(
        after_help = "Example: conclave-audit report march.journal --trust site.trust --html march.html"
    )]
    Report(command::report::Report),
    #[command(after_help = "Example: conclave-audit diff march.journal april.journal --trust site.trust")]
    Diff(command::diff::Diff),
    #[command(
        after_help = "Example: conclave-audit register march.journal --trust site.trust --kind envelopes --from 2026-01-01 \
                      --to 2026-03-31 --out envelopes.pdf"
    )]
    Register(command::register::Register),
    #[command(after_help = "Example: conclave-audit show march.journal --who anna --kind message")]
    Show(command::show::Show),
    #[command(
        after_help = "Example: conclave-audit cut march.journal --from 100 --to 250 --out court.excerpt"
    )]
    Cut(command::cut::Cut),
    #[command(
        after_help = "Example: conclave-audit select march.journal --conversation '#41' --out court.excerpt"
    )]
    Select(command::cut::Select),
    #[command(
        after_help = "Example: conclave-audit check-excerpt court.excerpt --trust site.trust --entries"
    )]
    CheckExcerpt(command::check_excerpt::CheckExcerpt),
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
        after_help = "Example: conclave-audit check-consistency anna.checkpoint march.journal --trust site.trust"
    )]
    CheckConsistency(command::check_consistency::CheckConsistency),
    #[command(
        after_help = "Example: conclave-audit extract march.journal 1234 --trust site.trust --out evidence"
    )]
    Extract(command::extract::Extract),
    #[command(
        after_help = "Example: conclave-audit checkpoint march.journal --trust site.trust --print head.pdf"
    )]
    Checkpoint(command::checkpoint::PrintCheckpoint),
    #[command(subcommand, after_help = "Example: conclave-audit witness run /srv/witness")]
    Witness(command::witness::Command),
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
    ("trust witness/@about", "доверять свидетелю: заверенное им считается сверенным извне"),
    ("trust witness/@after", "Пример: conclave-audit trust witness site.trust \"$(cat wera.key)\""),
    ("trust witness/file", "файл доверия"),
    ("trust witness/key", "ключ свидетеля, каким его называет `conclave-audit witness run`"),
    ("export/@about", "выгрузить весь журнал из системы; сама выгрузка записывается в журнал"),
    (
        "export/@after",
        "Выгрузка кончается перед записью о ней самой; та войдёт в следующую.\n\
         Пример: conclave-audit export march.journal\n\
         Пример: conclave-audit export march.tiles --tiles --from march.journal",
    ),
    ("export/out", "куда записать выгрузку, с --tiles — каталог; существующее останется как есть"),
    (
        "export/tiles",
        "записать каталог плиток (c2sp.org/tlog-tiles) для сторонних программ; записи берутся из выгрузки --from",
    ),
    ("export/from", "без связи с системой: взять записи из этой выгрузки"),
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
    (
        "verify/predecessor",
        "выгрузка журнала, который продолжает этот: с ней сверят то, что этот о нём говорит",
    ),
    (
        "report/predecessor",
        "выгрузка журнала, который продолжает этот: с ней сверят то, что этот о нём говорит",
    ),
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
    (
        "verify/state",
        "продолжить с того места, где кончилась ваша прошлая проверка, по этому подписанному вами файлу, и обновить его; \
         в первый раз повторяется всё",
    ),
    ("report/@about", "проверить выгрузку и составить отчёт обо всём, что в ней есть"),
    ("report/@after", "Пример: conclave-audit report march.journal --trust site.trust --html march.html"),
    (
        "report/html",
        "записать сюда одним файлом HTML без сценариев, для браузера или бумаги; существующий файл останется как есть",
    ),
    ("report/anchor", "ещё одна контрольная точка извне: подписанная журналом, с терминала или от свидетеля"),
    (
        "report/head",
        "ещё одна контрольная точка с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64; ЭРА/РАЗМЕР:КОРЕНЬ, если так записано",
    ),
    (
        "diff/@about",
        "сравнить две выгрузки: один журнал, продолжение или два журнала, противоречащих друг другу",
    ),
    (
        "diff/@long",
        "Сравнить две выгрузки: один журнал, продолжение или два журнала, противоречащих друг другу\n\nКоды завершения: \
         0 — одно и то же, или одна — начало другой; 1 — расходятся, и журнал подписал не обе (или файла доверия нет и это \
         неизвестно); 3 — расходятся, и журнал подписал обе.",
    ),
    ("diff/@after", "Пример: conclave-audit diff march.journal april.journal --trust site.trust"),
    ("diff/one", "одна выгрузка"),
    ("diff/other", "другая выгрузка"),
    ("diff/trust", "файл доверия: с ним проверяются подписи журнала"),
    ("register/@about", "проверить выгрузку и составить реестр для проверяющих"),
    (
        "register/@long",
        "Проверить выгрузку и составить реестр для проверяющих\n\nЧто сделано по одному предмету за период и каково состояние \
         после последней записи. По непроверенной выгрузке реестр не составляется, команда завершается как `verify`. Время и \
         даты — UTC.",
    ),
    (
        "register/@after",
        "Пример: conclave-audit register march.journal --trust site.trust --kind envelopes --from 2026-01-01 --to 2026-03-31 \
         --out envelopes.pdf",
    ),
    (
        "register/anchor",
        "ещё одна контрольная точка извне: подписанная журналом, с терминала или от свидетеля",
    ),
    (
        "register/head",
        "ещё одна контрольная точка с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64; ЭРА/РАЗМЕР:КОРЕНЬ, если так записано",
    ),
    ("register/kind", "о чём реестр: конверты, лица, ключи, стирания, запреты на стирание, выгрузки"),
    ("register/from", "первый день, например 2026-01-01; иначе день первой записи"),
    ("register/to", "последний день включительно; иначе день последней записи"),
    ("register/out", "куда записать: ИМЯ.pdf или ИМЯ.csv; существующий файл останется как есть"),
    ("show/@about", "показать записи выгрузки, по строке на каждую (с --json тоже), без проверки"),
    ("show/@after", "Пример: conclave-audit show march.journal --who anna --kind message"),
    ("show/who", "только подписанное этим лицом или касающееся его: имя входа или номер"),
    ("show/conversation", "только эта беседа: её номер, то есть номер записи о создании"),
    ("show/kind", "только этот вид записей, например message, login или erased"),
    ("show/since", "только с этого времени, RFC 3339"),
    ("show/until", "только до этого времени, его не включая, RFC 3339"),
    ("cut/@about", "вырезать промежуток записей: доказываются и наличие, и полнота"),
    ("cut/@after", "Пример: conclave-audit cut march.journal --from 100 --to 250 --out court.excerpt"),
    ("cut/from", "номер первой записи"),
    ("cut/to", "номер последней записи, включительно"),
    (
        "*/with_verifier",
        "записать рядом verify_bundle.py: независимую проверку для тех, у кого есть Python и openssl",
    ),
    ("*/out", "куда записать; существующий файл останется как есть"),
    (
        "*/link",
        "доказать и то, что журнал продолжает вершину такого размера: её держит получатель; можно повторить",
    ),
    ("select/@about", "выбрать записи по лицу или беседе: доказывается наличие, но не полнота"),
    ("select/@after", "Пример: conclave-audit select march.journal --conversation '#41' --out court.excerpt"),
    ("select/who", "подписанное этим лицом или касающееся его: имя входа или номер; можно повторить"),
    ("select/conversation", "беседа: её номер, то есть номер записи о создании; можно повторить"),
    ("check-excerpt/@about", "проверить выписку: промежуток или выборку"),
    (
        "check-excerpt/@long",
        "Проверить выписку: промежуток или выборку\n\nПроверяются подписи журнала, место каждой записи под подписанной вершиной, \
         подписи авторов и их сертификаты, порядок и номера. Права не проверяются: для них нужен весь журнал.\n\n\
         Коды завершения: 0 — промежуток проверен, полон и сверен; 2 — недействительно; 3 — две контрольные точки \
         противоречат друг другу; 4 — непротиворечиво, но не сверено в пределах файла доверия; 5 — неполно: выборка \
         доказывает наличие, а не полноту.",
    ),
    (
        "check-excerpt/@after",
        "Пример: conclave-audit check-excerpt court.excerpt --trust site.trust --entries",
    ),
    ("check-excerpt/file", "выписка"),
    (
        "check-excerpt/anchor",
        "ещё одна контрольная точка извне: подписанная журналом, с терминала или от свидетеля",
    ),
    (
        "check-excerpt/head",
        "ещё одна контрольная точка с бумаги: РАЗМЕР:КОРЕНЬ, корень в hex или base64; ЭРА/РАЗМЕР:КОРЕНЬ, если так записано",
    ),
    ("check-excerpt/entries", "показать и сами записи, по строке на каждую"),
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
    (
        "check-proof/key",
        "проверочный ключ (имя+номер+base64) журнала, который ведёт не «Конклав»: доказательство тогда из него",
    ),
    (
        "check-proof/leaf",
        "голые значения, или с --key, если байтов записи нет под рукой: хеш листа в hex или base64",
    ),
    ("check-proof/index", "голые значения: номер записи"),
    ("check-proof/size", "голые значения: размер дерева"),
    ("check-proof/root", "голые значения: корень в hex или base64"),
    (
        "check-proof/path",
        "голые значения: хеш пути в hex или base64, от соседа листа вверх; по разу на каждый",
    ),
    (
        "check-consistency/@about",
        "проверить, что одна вершина журнала продолжает другую: два файла или голые значения",
    ),
    (
        "check-consistency/@long",
        "Проверить, что одна вершина журнала продолжает другую: два файла или голые значения\n\nФайл — контрольная \
         точка, выгрузка или каталог плиток. Коды завершения: 0 — продолжает; 1 — нет; 3 — нет, а подписал журнал обе.",
    ),
    (
        "check-consistency/@after",
        "Пример: conclave-audit check-consistency anna.checkpoint march.journal --trust site.trust",
    ),
    ("check-consistency/old", "более ранняя"),
    ("check-consistency/new", "более поздняя"),
    ("check-consistency/trust", "файл доверия: обе должны быть подписаны его журналом"),
    (
        "check-consistency/path",
        "хеш доказательства в hex или base64, в порядке RFC 9162; по разу на каждый. Не нужен, если в файле есть записи \
         или плитки",
    ),
    ("check-consistency/old_size", "голые значения: прежний размер"),
    ("check-consistency/old_root", "голые значения: прежний корень в hex или base64"),
    ("check-consistency/new_size", "голые значения: новый размер"),
    ("check-consistency/new_root", "голые значения: новый корень в hex или base64"),
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
    (
        "checkpoint/@about",
        "показать новейшую контрольную точку файла или напечатать её листом, который хранят вне помещения",
    ),
    (
        "checkpoint/@after",
        "Пример: conclave-audit checkpoint march.journal --trust site.trust --print head.pdf",
    ),
    ("checkpoint/source", "контрольная точка, выгрузка или каталог плиток"),
    ("checkpoint/trust", "файл доверия: подписать должен его журнал"),
    ("checkpoint/print", "записать сюда лист, PDF: текст, QR-код записи, строки для подписей чернилами"),
    ("witness/@about", "быть свидетелем журнала системы"),
    ("witness/@after", "Пример: conclave-audit witness run /srv/witness"),
    (
        "witness run/@about",
        "вести копию журнала и заверять его контрольные точки; нужен сертификат с ролью «свидетель»",
    ),
    (
        "witness run/@long",
        "Вести копию журнала и заверять его контрольные точки; нужен сертификат с ролью «свидетель»\n\nСамо завершается, \
         только если журнал противоречит заверенному (3), с --once или если продолжать нельзя.",
    ),
    ("witness run/@after", "Пример: conclave-audit witness run /srv/witness --once"),
    ("witness run/dir", "где хранить копию; если каталога нет, он создаётся. Свой у каждого свидетеля"),
    ("witness run/once", "заверить то, что есть сейчас, и завершиться"),
    (
        "witness run/home",
        "каталог ваших ключей и карты системы (иначе CONCLAVE_HOME, иначе каталог настроек)",
    ),
    ("witness run/end_other", "завершить другой ваш сеанс"),
    ("witness run/separate", "пароль отличается от парольной фразы ключей: спросить оба"),
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
