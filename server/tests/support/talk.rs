//! A site with two people who have talked, and what they go on to say.

use super::{Client, Server, Site, runtime};
use journal::ConversationId;
use journal::act::EraseTarget;
use nix::sys::signal::Signal;
use pki::Suite;
use protocol::client::event::Content;
use protocol::client::{Command, Event, Reply};

/// See the module.
pub(crate) struct Talk {
    pub(crate) site: Site,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) server: Option<Server>,
    pub(crate) anna: Client,
    pub(crate) conversation: ConversationId,
}

impl Talk {
    pub(crate) fn begun() -> Self {
        Self::begun_at(Suite::Ed25519)
    }

    pub(crate) fn begun_at(suite: Suite) -> Self {
        Self::begun_on(Site::founded(suite))
    }

    pub(crate) fn begun_on(site: Site) -> Self {
        let runtime = runtime();
        let server = site.start();
        let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
        let conversation = runtime.block_on(async {
            anna.first_login(&site, "anna", &server).await;
            boris.first_login(&site, "boris", &server).await;
            let conversation = anna.talk_to(&site, "boris").await;
            boris.hang_up();
            conversation
        });
        Self { site, runtime, server: Some(server), anna, conversation }
    }

    /// Anna has said one thing, then what will be lost, and five more; with the index of what will be lost.
    pub(crate) fn with_more_behind(suite: Suite) -> (Self, u64) {
        let mut talk = Self::begun_at(suite);
        talk.say("one");
        let lost = talk.say("two");
        for n in 0..5 {
            talk.say(&format!("more {n}"));
        }
        (talk, lost)
    }

    /// The same, stopped, and the store lacks it.
    pub(crate) fn broken() -> Self {
        let (mut talk, lost) = Self::with_more_behind(Suite::Ed25519);
        talk.stop();
        talk.site.lose_batch_of(lost);
        talk
    }

    /// Anna says it: its index.
    pub(crate) fn say(&mut self, text: &str) -> u64 {
        let said = self.anna.run(Client::message(self.conversation, text));
        match self.runtime.block_on(said) {
            Ok(Reply::Admitted(admitted)) => admitted.index,
            Ok(_) | Err(_) => panic!("{text} was not taken"),
        }
    }

    /// Erases a message and waits until it is said to be done: the index of the Erase.
    pub(crate) fn erase(&mut self, index: u64) -> u64 {
        let target = EraseTarget::Messages(self.conversation, vec![index]);
        self.runtime.block_on(async {
            let erase = self.anna.admitted(Command::Erase(target)).await.expect("it is admitted");
            let done = self.anna.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
            done.await.expect("it is called erased");
            erase
        })
    }

    /// What boris reads at a fresh terminal.
    pub(crate) fn read(&self) -> Vec<String> {
        let mut boris = Client::new(&self.site, "boris");
        let server = self.server.as_ref().unwrap();
        self.runtime.block_on(async {
            boris.enter(&self.site, "boris", server).await;
            let page = boris.run(Command::MessagesFrom(self.conversation, 0)).await;
            let Ok(Reply::Messages(page, false)) = page else { panic!("no messages") };
            let text = |content: &Content| match content {
                Content::Text(text, _) => Some(text.expose().to_owned()),
                _ => None,
            };
            page.iter().filter_map(|message| text(&message.content)).collect()
        })
    }

    /// What anna reads.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let found = self.runtime.block_on(self.anna.texts(self.conversation));
        found.into_iter().map(|(_, text)| text).collect()
    }

    /// The server ends in good order.
    pub(crate) fn stop(&mut self) {
        let server = self.server.take().unwrap();
        self.anna.hang_up();
        server.signal(Signal::SIGTERM);
        let (exit, said) = server.wait();
        assert!(exit.success(), "{said}");
    }

    /// It starts again, and anna is back.
    pub(crate) fn go_on(&mut self) {
        let server = self.site.start();
        self.anna.hang_up();
        self.runtime.block_on(self.anna.enter(&self.site, "anna", &server));
        self.server = Some(server);
    }
}
