//! Root cells that mirror each other: what the programs say of them, and officers who let go of one.

use super::{Client, Server, Site};
use journal::act::{Act, Approve, CellName, DualAct, EraseTarget, Propose};
use journal::{ConversationId, Index};
use pki::canonical;
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use std::path::Path;

/// What the running server says of itself, for scripts.
pub(crate) fn status(site: &Site) -> String {
    let asked = site.conclaved(&["status", "--json", "--config", &site.path("conclaved.toml")]);
    String::from_utf8(asked.stdout).unwrap()
}

/// An act as an officer's terminal takes it.
pub(crate) fn act(act: Act) -> Command {
    Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }))
}

/// The name of the cell that is absent, once the server has told the core.
pub(crate) async fn absent_cell(olga: &mut Client) -> CellName {
    loop {
        let Ok(Reply::Answer(answer)) = olga.run(Command::Ask(Query::Cells)).await else {
            panic!("no answer")
        };
        let Answer::Cells(cells) = *answer else { panic!("no cells") };
        if let Some(cell) = cells.iter().find(|cell| cell.absent.is_some()) {
            return cell.name.expect("it had joined");
        }
    }
}

/// Two officers let go of the cell that is absent; the second one logs in to approve what he finds proposed.
pub(crate) async fn let_go(site: &Site, server: &Server, olga: &mut Client) {
    let cell = absent_cell(olga).await;
    let propose = Act::Propose(Propose { act: canonical::encode(&DualAct::DropCell(cell)).into() });
    let Ok(Reply::Admitted(proposal)) = olga.run(act(propose)).await else { panic!() };
    let mut oleg = Client::new(site, "oleg");
    oleg.first_login(site, "oleg", server).await;
    assert!(oleg.run(act(Act::Approve(Approve { proposal: proposal.index }))).await.is_ok());
}

/// Anna and Boris come, and Anna has a message to Boris erased: the conversation, the message and the Erase.
pub(crate) async fn erased_one(
    site: &Site,
    server: &Server,
    [anna, boris]: [&mut Client; 2],
) -> (ConversationId, Index, Index) {
    anna.first_login(site, "anna", server).await;
    boris.first_login(site, "boris", server).await;
    let conversation = anna.talk_to(site, "boris").await;
    let goes = anna.admitted(Client::message(conversation, "goes")).await.unwrap();
    let target = EraseTarget::Messages(conversation, vec![goes]);
    let erase = anna.admitted(Command::Erase(target)).await.unwrap();
    (conversation, goes, erase)
}

/// A second cell has joined, and then it was lost for good. Gives the configuration without it too.
pub(crate) fn lost_second_cell(site: Site) -> (Site, String) {
    let (site, alone) = mirrored(site);
    std::fs::remove_file(site.path("second")).unwrap();
    (site, alone)
}

/// From here on the configuration names this second cell too. Gives what it said before.
pub(crate) fn name_second_cell(site: &Site) -> String {
    let config = site.path("conclaved.toml");
    let alone = std::fs::read_to_string(&config).unwrap();
    let second = format!("[store]\nsecond_cell = \"{}\"\n", site.path("second"));
    std::fs::write(&config, alone.replace("[store]\n", &second)).unwrap();
    alone
}

/// A second cell has joined.
pub(crate) fn mirrored(site: Site) -> (Site, String) {
    drop(vault::FileCell::create(Path::new(&site.path("second"))).unwrap());
    let alone = name_second_cell(&site);
    site.start().kill();
    (site, alone)
}
