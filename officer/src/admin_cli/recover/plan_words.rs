//! A plan of succession in words: what it keeps and gives up, how the loss is known, who decides.
//! Never judges it: `../recover.rs` compares it with what this terminal has seen.

use console::{Lang, clean, when};
use journal::act::{KeptPasswords, LossCause, LossSource, Succession};
use protocol::succession::{FirstOfficers, Plan};

/// The plan in plain words: what is kept, what is lost, how that is known, who decides.
pub(super) fn text(plan: &Plan, officers: &FirstOfficers, lang: Lang) -> String {
    let act = &plan.act;
    let (kept, site) = (act.kept.size, clean(officers.site()));
    let made = when::minute(act.time_ms);
    let mut lines = vec![lang.pick(
        format!("site \"{site}\", plan of {made}: entries 0 to {} are KEPT", kept - 1),
        format!("система «{site}», план от {made}: СОХРАНЯЮТСЯ записи с 0 по {}", kept - 1),
    )];
    if act.lost.iter().any(|trace| trace.source != LossSource::Unreadable) {
        lines.push(lang.pick(
            format!("every entry from {kept} on is LOST ({}):", cause(act.cause, lang)),
            format!("все записи начиная с {kept} УТРАЧЕНЫ ({}):", cause(act.cause, lang)),
        ));
    }
    for trace in &act.lost {
        let size = trace.size;
        lines.push(match trace.source {
            LossSource::Cell => lang.pick(
                format!("  the root cell names {size} entries"),
                format!("  корневая ячейка называет записей: {size}"),
            ),
            LossSource::LaterBatches => lang.pick(
                format!("  later batches lie on the device, of at least {size} entries"),
                format!("  на устройстве есть более поздние партии, записей не меньше: {size}"),
            ),
            LossSource::SignedHead => lang.pick(
                format!("  somebody holds a signed head of {size} entries"),
                format!("  у кого-то есть подписанная вершина, записей: {size}"),
            ),
            LossSource::Unreadable => lang
                .pick(
                    "  no entry is known to be lost: what a start needs beside them does not read",
                    "  об утрате записей ничего не известно: не читается то, что нужно для запуска кроме них",
                )
                .to_owned(),
        });
    }
    lines.extend(beside_entries(act, lang));
    let who = officers.logins().map(|login| format!("@{}", clean(login))).collect::<Vec<_>>().join(", ");
    let (needed, era) = (officers.threshold(), act.era);
    lines.push(lang.pick(
        format!("the log goes on in era {era}; {needed} of {who} must sign, and every terminal will show their names"),
        format!("журнал продолжится в эре {era}; подписать должны {needed} из: {who}; их имена покажет каждый терминал"),
    ));
    lines.join("\n")
}

/// What else is lost or let go of than entries.
fn beside_entries(act: &Succession, lang: Lang) -> Vec<String> {
    let missing = act.bodies_missing;
    let said = [
        act.bodies_lost.then(|| {
            lang.pick(
                "EVERY BODY IS LOST: no message, no file of before",
                "УТРАЧЕНЫ ВСЕ ТЕЛА: все прежние сообщения и файлы",
            )
            .to_owned()
        }),
        (missing > 0).then(|| {
            lang.pick(
                format!("{missing} bodies of kept entries OPEN NO MORE: damaged, or erased in what is lost"),
                format!("тела сохранённых записей, которые уже НЕ ОТКРЫТЬ (повреждены или уничтожены в утраченном): {missing}"),
            )
        }),
        (!act.given_up.is_empty()).then(|| {
            let entries = act.given_up_list();
            lang.pick(format!("  they are of entries {entries}"), format!("  это записи {entries}"))
        }),
        act.period_key_lost.then(|| {
            lang.pick(
                "the log's PERIOD KEY is lost: it gets a new one, by the log identity key",
                "утрачен КЛЮЧ ПЕРИОДА журнала: новый подтвердит ключ журнала",
            )
            .to_owned()
        }),
        match act.passwords {
            KeptPasswords::InForce => None,
            KeptPasswords::Others => Some(
                lang.pick(
                    "the PASSWORDS in force do not read, OTHERS come back: somebody may log in by a password that was changed, and \
                     everybody must choose a new one at the next login",
                    "действовавшие ПАРОЛИ не читаются, вернутся ДРУГИЕ: кто-то сможет войти по изменённому паролю, и каждый при \
                     следующем входе должен задать новый",
                )
                .to_owned(),
            ),
            KeptPasswords::Lost => Some(
                lang.pick(
                    "the PASSWORDS are lost: nobody can log in until new envelopes of the authority are taken in at the server \
                     (conclaved take-in)",
                    "утрачены ПАРОЛИ: никто не войдёт, пока у сервера не внесены новые конверты центра (conclaved take-in)",
                )
                .to_owned(),
            ),
        },
        act.cell_let_go.then(|| {
            let names = match act.cells.is_empty() {
                true => lang.pick("its name is not known", "имя неизвестно").to_owned(),
                false => act.cell_list(),
            };
            lang.pick(
                format!("the root cell that is away is LET GO OF ({names}): wherever it is, it opens what is erased from now on"),
                format!(
                    "от отсутствующей корневой ячейки ОТКАЗЫВАЮТСЯ ({names}): где бы она ни была, она откроет всё, что будет \
                     уничтожено"
                ),
            )
        }),
    ];
    said.into_iter().flatten().collect()
}

fn cause(cause: LossCause, lang: Lang) -> &'static str {
    match cause {
        LossCause::Damage => lang.pick("damage", "повреждение"),
        LossCause::Restored => lang.pick("an older state was put back", "возвращено прежнее состояние"),
        LossCause::Tampering => lang.pick("tampering", "вмешательство"),
        LossCause::Other => lang.pick("another cause", "иная причина"),
    }
}
