//! What `conclaved recover` says: what is kept, what is lost, who must sign.
//! Never softens it.

use super::found::Found;
use console::{Lang, Words, when};
use journal::act::{LossSource, LossTrace};
use protocol::succession::Plan;
use serde::Serialize;
use std::path::{Path, PathBuf};
use vault::Bodies;

console::words! {
    pub(super) enum Said {
        /// A plan was written, and nothing else.
        Planned { text: String, out: String }
            => en("{text}\nNothing was changed. The plan is in {out}: `conclave-admin recover sign {out}` at each officer's terminal, then\n\
                   conclaved recover --accept-loss --config … --plan {out} --acts SIGNATURE --acts SIGNATURE"),
               ru("{text}\nНичего не изменено. План — в {out}: `conclave-admin recover sign {out}` на терминале каждого офицера, затем\n\
                   conclaved recover --accept-loss --config … --plan {out} --acts ПОДПИСЬ --acts ПОДПИСЬ");
        /// The succession is in the journal.
        Carried { era: u32, kept: u64 }
            => en("the log goes on in era {era} behind {kept} entries; `conclaved run` starts the server. Every terminal will show what \
                   was given up and who decided it"),
               ru("журнал продолжается в эпохе {era} после записей: {kept}; сервер запускает `conclaved run`. Каждый терминал покажет, что \
                   оставлено и кто это решил");
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
    plan: PathBuf,
    era: u32,
    kept: u64,
    root: String,
    lost: Vec<Trace>,
    bodies_lost: bool,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl PlanData {
    pub(super) fn new(plan: &Plan, out: &Path) -> Self {
        let act = &plan.act;
        let trace = |trace: &LossTrace| Trace {
            source: match trace.source {
                LossSource::Cell => "cell",
                LossSource::LaterBatches => "later-batches",
                LossSource::SignedHead => "signed-head",
            },
            size: trace.size,
            root: trace.root.map(|root| hex(&root)),
        };
        Self {
            plan: out.to_owned(),
            era: act.era,
            kept: act.kept.size,
            root: hex(&act.kept.root),
            lost: act.lost.iter().map(trace).collect(),
            bodies_lost: act.bodies_lost,
        }
    }
}

#[derive(Serialize)]
pub(super) struct CarriedData {
    era: u32,
    kept: u64,
    signatures: usize,
}

impl CarriedData {
    pub(super) fn new(plan: &Plan, signatures: usize) -> Self {
        Self { era: plan.act.era, kept: plan.act.kept.size, signatures }
    }
}

console::words! {
    enum Line {
        Kept { site: String, kept: u64, last: String }
            => en("site \"{site}\": entries 0 to {} are KEPT, the last of {last}", kept - 1),
               ru("площадка «{site}»: СОХРАНЕНЫ записи с 0 по {}, последняя от {last}", kept - 1);
        Lost { kept: u64 }
            => en("every entry from {kept} on is LOST: messages, acknowledgements, changes of members and rights"),
               ru("все записи начиная с {kept} УТРАЧЕНЫ: сообщения, подтверждения, изменения участников и прав");
        ByCell { size: u64 } => en("  the root cell names {size} entries"), ru("  корневая ячейка называет записей: {size}");
        ByBatches { size: u64 }
            => en("  later batches lie on the device, of at least {size} entries"),
               ru("  на устройстве есть более поздние партии, записей не меньше: {size}");
        ByHead { size: u64 } => en("  a signed head of {size} entries"), ru("  подписанная вершина, записей: {size}");
        BodiesKept => en("bodies of kept entries are kept; what was erased stays erased"),
                      ru("тела сохранённых записей сохранены; уничтоженное остаётся уничтоженным");
        BodiesDamaged { nodes: u64 }
            => en("bodies of kept entries are kept, but for what lies below {nodes} damaged nodes of the key tree"),
               ru("тела сохранённых записей сохранены, кроме лежащих под повреждёнными узлами дерева ключей: {nodes}");
        BodiesLost
            => en("EVERY BODY IS LOST: no message and no file of before opens ever again, and the log gets a new period key"),
               ru("УТРАЧЕНЫ ВСЕ ТЕЛА: ни одно прежнее сообщение и ни один файл больше не откроются; ключ периода журнала будет новым");
        NoVerifiers
            => en("the PASSWORDS are lost too: nobody can log in until the authority has handed out new envelopes"),
               ru("утрачены и ПАРОЛИ: никто не войдёт, пока центр не выдаст новые конверты");
        Era { era: u32 } => en("the log would go on in era {era}"), ru("журнал продолжится в эпохе {era}");
        Sign { needed: u64, who: String }
            => en("{needed} of these first officers must sign: {who}"),
               ru("подписать должны {needed} из первых офицеров: {who}");
    }
}

/// What the plan says, for the person at the console.
pub(super) fn plan_text(found: &Found, plan: &Plan, lang: Lang) -> String {
    let act = &plan.act;
    let site = found.register.site();
    let mut lines = vec![
        Line::Kept {
            site: site.map(|site| console::clean(&site.name).to_string()).unwrap_or_default(),
            kept: act.kept.size,
            last: when::minute(found.register.floor_ms()),
        },
        Line::Lost { kept: act.kept.size },
    ];
    lines.extend(act.lost.iter().map(|trace| match trace.source {
        LossSource::Cell => Line::ByCell { size: trace.size },
        LossSource::LaterBatches => Line::ByBatches { size: trace.size },
        LossSource::SignedHead => Line::ByHead { size: trace.size },
    }));
    lines.push(match (act.bodies_lost, found.bodies()) {
        (true, _) | (false, Bodies::Lost) => Line::BodiesLost,
        (false, Bodies::Kept) => Line::BodiesKept,
        (false, Bodies::Damaged { nodes }) => Line::BodiesDamaged { nodes },
    });
    lines.extend((!found.has_verifiers()).then_some(Line::NoVerifiers));
    lines.push(Line::Era { era: act.era });
    let persons = found.register.first_officers();
    let login = |id: &pki::PersonId| found.register.person(*id).map(|person| format!("@{}", person.login));
    let who: Vec<String> = persons.iter().filter_map(login).collect();
    let needed = site.map_or(0, |site| site.threshold.into());
    lines.push(Line::Sign { needed, who: who.join(", ") });
    lines.iter().map(|line| line.say(lang)).collect::<Vec<_>>().join("\n")
}
