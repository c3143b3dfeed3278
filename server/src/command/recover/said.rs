//! What `conclaved recover` says: what is kept, what is lost, who must sign.
//! Never softens it.

use super::found::Found;
use crate::command::store::check::START_BARRED;
use console::{Lang, Words, when};
use journal::act::{KeptPasswords, LossSource, LossTrace, Succession};
use protocol::succession::Plan;
use serde::Serialize;
use std::path::{Path, PathBuf};

console::words! {
    pub(super) enum Said {
        /// A plan was written, and nothing else.
        Planned { text: String, out: String, bodies: &'static str }
            => en("{text}\nNothing was changed. The plan is in {out}: `conclave-admin recover sign {out}` at each officer's terminal, then\n\
                   conclaved recover --accept-loss{bodies} --config … --plan {out} --acts SIGNATURE --acts SIGNATURE"),
               ru("{text}\nНичего не изменено. План — в {out}: `conclave-admin recover sign {out}` на терминале каждого офицера, затем\n\
                   conclaved recover --accept-loss{bodies} --config … --plan {out} --acts ПОДПИСЬ --acts ПОДПИСЬ");
        /// A plan was made and shown; no file was written.
        Shown { text: String }
            => en("{text}\nNothing was changed, and no plan was written: the same command with --out succession.plan writes it, to be signed"),
               ru("{text}\nНичего не изменено, и план не записан: его запишет для подписи та же команда с --out succession.plan");
        /// The succession is in the journal.
        Carried { era: u32, kept: u64 }
            => en("the log goes on in era {era} behind {kept} entries; `conclaved run` starts the server. Every terminal will show what \
                   was given up and who decided it. Begin backups in a new directory: the old one is of another history"),
               ru("журнал продолжается в эре {era} после записей: {kept}; сервер запускает `conclaved run`. Каждый терминал покажет, что \
                   признано утраченным и кто это решил. Резервные копии начните в новом каталоге: прежний — о другой истории");
        /// Beside `Carried`: nobody has a password.
        NobodyLogsIn
            => en("but nobody can log in yet: the PASSWORDS are lost. The authority makes new envelopes (`conclave-pki envelope reissue`, \
                   `envelope hand-over`, `bundle`), and `conclaved take-in` brings them before the start"),
               ru("но войти пока никто не может: ПАРОЛИ утрачены. Центр выпускает новые конверты (`conclave-pki envelope reissue`, \
                   `envelope hand-over`, `bundle`), и до запуска их вносит `conclaved take-in`");
        /// There was nothing left to do of it, and the store was put back.
        StillPutBack
            => en("but nothing was left to do here: this plan had been carried out before, most often before the backup was made that was \
                   put back, and says nothing of what came after that backup. A start is still barred: `conclaved store status` says the \
                   two ways on"),
               ru("но делать здесь было нечего: этот план уже исполнили раньше, чаще всего ещё до того, как сняли возвращённую сюда копию, и \
                   о том, что было после неё, он ничего не говорит. Пуск по-прежнему закрыт: два пути дальше назовёт `conclaved store \
                   status`");
    }
}

#[derive(Serialize)]
struct Trace {
    source: &'static str,
    size: u64,
    root: Option<String>,
}

#[derive(Serialize)]
pub(super) struct PlanData {
    /// Where it was written to; absent where it was only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PathBuf>,
    era: u32,
    kept: u64,
    root: String,
    lost: Vec<Trace>,
    bodies_lost: bool,
    bodies_missing: u64,
    /// First and last index of each range of entries of whose bodies some are given up.
    given_up: Vec<[u64; 2]>,
    period_key_lost: bool,
    passwords: &'static str,
    cell_let_go: bool,
    cells: Vec<String>,
}

impl PlanData {
    pub(super) fn new(plan: &Plan, out: Option<&Path>) -> Self {
        let act = &plan.act;
        let trace = |trace: &LossTrace| Trace {
            source: match trace.source {
                LossSource::Cell => "cell",
                LossSource::LaterBatches => "later-batches",
                LossSource::SignedHead => "signed-head",
                LossSource::Unreadable => "unreadable",
            },
            size: trace.size,
            root: trace.root.map(hex::encode),
        };
        Self {
            plan: out.map(Path::to_owned),
            era: act.era,
            kept: act.kept.size,
            root: hex::encode(act.kept.root),
            lost: act.lost.iter().map(trace).collect(),
            bodies_lost: act.bodies_lost,
            bodies_missing: act.bodies_missing,
            given_up: act.given_up.iter().map(|range| [range.first, range.last]).collect(),
            period_key_lost: act.period_key_lost,
            passwords: match act.passwords {
                KeptPasswords::InForce => "in-force",
                KeptPasswords::Others => "others",
                KeptPasswords::Lost => "lost",
            },
            cell_let_go: act.cell_let_go,
            cells: act.cells.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct CarriedData {
    era: u32,
    kept: u64,
    signatures: usize,
    /// `put-back`: no server starts it before somebody has said what came after the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_barred: Option<&'static str>,
}

impl CarriedData {
    pub(super) fn new(plan: &Plan, signatures: usize) -> Self {
        Self { era: plan.act.era, kept: plan.act.kept.size, signatures, start_barred: None }
    }

    /// Nothing of it was left to do, and the mark of a store that was put back stays.
    pub(super) fn still_barred(self) -> Self {
        Self { start_barred: Some(START_BARRED), ..self }
    }
}

console::words! {
    enum Line {
        Kept { site: String, kept: u64, last: String }
            => en("site \"{site}\": entries 0 to {} are KEPT, the last of {last}", kept - 1),
               ru("система «{site}»: СОХРАНЕНЫ записи с 0 по {}, последняя от {last}", kept - 1);
        Lost { kept: u64 }
            => en("every entry from {kept} on is LOST: messages, acknowledgements, changes of members and rights"),
               ru("все записи начиная с {kept} УТРАЧЕНЫ: сообщения, подтверждения, изменения участников и прав");
        ByCell { size: u64 } => en("  the root cell names {size} entries"), ru("  корневая ячейка называет записей: {size}");
        ByBatches { size: u64 }
            => en("  later batches lie on the device, of at least {size} entries"),
               ru("  на устройстве есть более поздние партии, записей не меньше: {size}");
        ByHead { kept: u64, size: u64 }
            => en("  a signed head of {size} entries: of these, entries {kept} to {} are not in this store, and somebody has seen them",
                   size - 1),
               ru("  подписанная вершина, записей: {size}; из них записей с {kept} по {} в этом хранилище нет, а кто-то их видел", size - 1);
        HeadsSay
            => en("  whether they who hold these heads have seen the other entries as they stand here, no head can tell: if a backup was put back \
                   here and started since, entries written after that start are others. Then put the backup back once more, and recover \
                   before its first start"),
               ru("  те ли остальные записи видели владельцы этих вершин, что стоят здесь, по вершинам не узнать: если сюда вернули \
                   резервную копию и с тех пор её запускали, записи после того пуска — другие. Тогда верните копию ещё раз и восстановите \
                   до первого пуска");
        Heads
            => en("BEFORE ANYBODY SIGNS: bring the newest head of every terminal (`conclave checkpoint`; an officer's `conclave-admin recover head`) \
                   and name each with --head FILE. A terminal that has seen more than the plan knows refuses it, and all must sign anew"),
               ru("ПРЕЖДЕ ЧЕМ КТО-ЛИБО ПОДПИШЕТ: соберите последнюю вершину каждого терминала (`conclave checkpoint`; у офицера `conclave-admin \
                   recover head`) и укажите каждую: --head ФАЙЛ. Терминал, видевший больше, чем знает план, его не примет, и подписывать \
                   придётся заново");
        Unreadable
            => en("  no entry is known to be lost: what a start needs beside them does not read (key tree, period key or passwords)"),
               ru("  об утрате записей ничего не известно: не читается то, что нужно для запуска кроме них (дерево ключей, ключ периода \
                   или пароли)");
        BodiesKept => en("the keys of kept bodies are kept; what was erased stays erased. Nothing was opened: `conclaved store check` says what does not open"),
                      ru("ключи сохранённых тел целы; уничтоженное остаётся уничтоженным. Сами тела не открывались: что не открывается, скажет `conclaved \
                         store check`");
        BodiesMissing { bodies: u64 }
            => en("the keys of kept bodies are kept, but for {bodies} that nothing opens: damaged, or erased in what is lost"),
               ru("ключи сохранённых тел целы, кроме тех тел, которые уже ничем не открыть (повреждены или уничтожены в утраченном): {bodies}");
        GivenUp { entries: String }
            => en("  they are of entries {entries}"), ru("  это записи {entries}");
        BodiesLost
            => en("EVERY BODY IS LOST: no message and no file of before opens ever again"),
               ru("УТРАЧЕНЫ ВСЕ ТЕЛА: ни одно прежнее сообщение и ни один файл больше не откроются");
        PeriodKeyLost
            => en("the log's PERIOD KEY is lost: it gets a new one, by the log identity key"),
               ru("утрачен КЛЮЧ ПЕРИОДА журнала: новый подтвердит ключ журнала");
        OtherVerifiers
            => en("the PASSWORDS in force do not read, OTHERS come back: somebody may log in by a password that was changed, and everybody \
                   must choose a new one at the next login"),
               ru("действовавшие ПАРОЛИ не читаются, вернутся ДРУГИЕ: кто-то сможет войти по изменённому паролю, и каждый при следующем \
                   входе должен задать новый");
        CellLetGo { names: String }
            => en("the root cell that is away ({names}) is LET GO OF: wherever it is, it opens what is erased from now on; take it out of the \
                   configuration, or erasures wait for it"),
               ru("от отсутствующей корневой ячейки ({names}) ОТКАЗЫВАЮТСЯ: где бы она ни была, она откроет всё, что будет уничтожено; уберите её из \
                   конфигурации, иначе уничтожение будет её ждать");
        NoVerifiers
            => en("the PASSWORDS are lost too: nobody can log in until new envelopes of the authority are taken in, behind the recovery, \
                   by `conclaved take-in`. A backup that still opens would bring the passwords back"),
               ru("утрачены и ПАРОЛИ: никто не войдёт, пока после восстановления не внесены новые конверты центра: \
                   `conclaved take-in`. Резервная копия, которая открывается, вернула бы и пароли");
        Era { era: u32 } => en("the log would go on in era {era}"), ru("журнал продолжится в эре {era}");
        Sign { needed: u64, who: String }
            => en("{needed} of these first officers must sign: {who}"),
               ru("подписать должны {needed} из первых офицеров: {who}");
    }
}

/// What the plan says, for the person at the console.
pub(super) fn plan_text(found: &Found, plan: &Plan, lang: Lang) -> String {
    let act = &plan.act;
    let site = found.register.site();
    let mut lines = vec![Line::Kept {
        site: site.map(|site| console::clean(&site.name).to_string()).unwrap_or_default(),
        kept: act.kept.size,
        last: when::minute(found.register.floor_ms()),
    }];
    let is_lost = act.lost.iter().any(|trace| trace.source != LossSource::Unreadable);
    lines.extend(is_lost.then_some(Line::Lost { kept: act.kept.size }));
    lines.extend(act.lost.iter().map(|trace| match trace.source {
        LossSource::Cell => Line::ByCell { size: trace.size },
        LossSource::LaterBatches => Line::ByBatches { size: trace.size },
        LossSource::SignedHead => Line::ByHead { kept: act.kept.size, size: trace.size },
        LossSource::Unreadable => Line::Unreadable,
    }));
    let has_heads = act.lost.iter().any(|trace| trace.source == LossSource::SignedHead);
    lines.extend(has_heads.then_some(Line::HeadsSay));
    lines.push(match (act.bodies_lost, act.bodies_missing) {
        (true, _) => Line::BodiesLost,
        (false, 0) => Line::BodiesKept,
        (false, bodies) => Line::BodiesMissing { bodies },
    });
    lines.extend((!act.given_up.is_empty()).then(|| Line::GivenUp { entries: act.given_up_list() }));
    lines.extend(act.period_key_lost.then_some(Line::PeriodKeyLost));
    lines.extend(match act.passwords {
        KeptPasswords::InForce => None,
        KeptPasswords::Others => Some(Line::OtherVerifiers),
        KeptPasswords::Lost => Some(Line::NoVerifiers),
    });
    lines.extend(act.cell_let_go.then(|| Line::CellLetGo { names: cell_names(act, lang) }));
    lines.push(Line::Heads);
    lines.push(Line::Era { era: act.era });
    let persons = found.register.first_officers();
    let login = |id: &pki::PersonId| found.register.person(*id).map(|person| format!("@{}", person.login));
    let who: Vec<String> = persons.iter().filter_map(login).collect();
    let needed = site.map_or(0, |site| site.threshold.into());
    lines.push(Line::Sign { needed, who: who.join(", ") });
    lines.iter().map(|line| line.say(lang)).collect::<Vec<_>>().join("\n")
}

fn cell_names(act: &Succession, lang: Lang) -> String {
    match act.cells.is_empty() {
        true => lang.pick("its name is not known", "имя неизвестно").to_owned(),
        false => act.cell_list(),
    }
}
