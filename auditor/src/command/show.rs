//! `conclave-audit show`: one line an entry.
//! Never verifies, and says so: it shows what a bundle claims.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use console::when::{parse_rfc3339, rfc3339};
use console::{Exit, Json, Voice};
use journal::act::KINDS;
use journal::fact::Fact;
use journal::ids::Index;
use serde::Serialize;

use super::{ended, number, open_bundle, shown};
use crate::concern::{Concern, conversation, signer};
use crate::describe::describe;
use crate::names::{Names, Opened, What, hex};
use crate::report::CLAIMS;
use crate::trouble::Trouble;

/// Show the entries of a bundle, one line each (with --json too), without verifying them.
#[derive(Args, Debug)]
pub struct Show {
    /// The bundle.
    pub bundle: PathBuf,
    /// Only what this person signed or what concerns the person or the person's messages: login or id.
    #[arg(long, value_name = "WHO")]
    pub who: Option<String>,
    /// Only this conversation: its number, the index of its founding.
    #[arg(long, value_name = "NUMBER")]
    pub conversation: Option<String>,
    /// Only this kind, such as message, login or erased.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only from this time on, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

console::words! {
    enum Remark {
        NotVerified
            => en("(not verified: this is what the bundle claims; `verify` tells whether it holds)"),
               ru("(не проверено: это то, что утверждает выгрузка; верно ли это, скажет `verify`)");
        Nothing => en("no entry of this bundle fits"), ru("ни одна запись этой выгрузки не подходит");
    }
}

/// One line of `--json` has one of these: lines come as the entries do, however long the bundle.
#[derive(Serialize)]
pub(super) struct Row {
    /// Whether anything was checked.
    verified: bool,
    index: Index,
    at: String,
    /// Not of an excerpt, which need not hold the start of the server that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<Boot>,
    kind: &'static str,
    /// `null`: the server's own claim.
    person: Option<String>,
    who: Option<String>,
    conversation: Option<Index>,
    text: String,
}

/// The clock that no one sets: which run of the machine, as the last start before it says, and for how long it ran.
#[derive(Serialize)]
struct Boot {
    id: String,
    ms: u64,
}

/// Runs it.
pub fn run(show: &Show, voice: Voice) -> Exit {
    ended("show", voice, work(show, voice))
}

struct Filter {
    who: Option<Concern>,
    conversation: Option<(Index, Concern)>,
    kind: Option<String>,
    since_ms: u64,
    until_ms: u64,
}

impl Filter {
    fn new(show: &Show) -> Result<Self, Trouble> {
        let bad = |what: &str, wanted: &str| Trouble::BadValue { what: what.into(), wanted: wanted.into() };
        let number = |text: &String| number(text).map_err(|_| bad("--conversation", "#12"));
        let moment = |what: &'static str, text: &Option<String>| {
            let at = |text: &String| parse_rfc3339(text).ok_or_else(|| bad(what, "2026-11-21T17:53:08Z"));
            text.as_ref().map(at).transpose()
        };
        if let Some(kind) = &show.kind {
            let known = || KINDS.iter().chain(&CLAIMS).map(|(_, name)| *name);
            if !known().any(|name| name == kind) {
                let known = known().collect::<Vec<_>>().join(", ");
                return Err(Trouble::UnknownKind { kind: console::clean(kind), known });
            }
        }
        let place = show.conversation.as_ref().map(number).transpose()?;
        Ok(Self {
            who: show.who.as_deref().map(Concern::person),
            conversation: place.map(|number| (number, Concern::conversation(number))),
            kind: show.kind.clone(),
            since_ms: moment("--since", &show.since)?.unwrap_or_default(),
            until_ms: moment("--until", &show.until)?.unwrap_or(u64::MAX),
        })
    }

    /// Whether the next entry is to be shown. To be asked of every entry, in order.
    fn passes(&mut self, index: Index, opened: &Opened, names: &Names) -> bool {
        let what = opened.what();
        let who = self.who.as_mut().is_none_or(|concern| concern.take(index, what, names));
        let place = self.conversation.as_mut().is_none_or(|(_, concern)| concern.take(index, what, names));
        let kind = self.kind.as_ref().is_none_or(|kind| what.kind() == kind);
        who && place && kind && (self.since_ms..self.until_ms).contains(&opened.wall_ms)
    }
}

fn work(show: &Show, voice: Voice) -> Result<Exit, Trouble> {
    let mut filter = Filter::new(show)?;
    let (mut reader, _) = open_bundle(&show.bundle)?;
    voice.remark(&Remark::NotVerified);
    let mut names = Names::with_messages();
    let mut boot = None;
    let (mut out, mut rows) = (BufWriter::new(io::stdout().lock()), 0u64);
    loop {
        let index = reader.entries();
        let next = reader.next_entry();
        let damaged = |bad| Trouble::bundle(shown(&show.bundle), &bad, index);
        let Some(bytes) = next.map_err(damaged)? else { break };
        let opened = Opened::read(&bytes).map_err(|_| Trouble::IllegibleEntry { index })?;
        names.take(index, opened.what());
        if let What::Fact(Fact::Start(start)) = opened.what() {
            boot = Some(hex(&start.boot_id));
        }
        if !filter.passes(index, &opened, &names) {
            continue;
        }
        let boot = boot.clone().map(|id| Boot { id, ms: opened.boot_ms });
        let row = Row { boot, ..row(index, opened.wall_ms, opened.what(), &names, voice) };
        match line(&mut out, &row, voice) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Yes),
            Err(error) => {
                return Err(Trouble::Unwritable { file: "stdout".into(), cause: error.to_string() });
            }
            Ok(()) => rows += 1,
        }
    }
    if out.flush().is_err() {
        return Ok(Exit::Io);
    }
    drop(out);
    if let Some(who) = &show.who
        && names.find(who).is_none()
    {
        return Err(Trouble::UnknownPerson { who: console::clean(who) });
    }
    if let Some((number, _)) = filter.conversation
        && !names.has_conversation(number)
    {
        return Err(Trouble::UnknownConversation { number });
    }
    if rows == 0 {
        voice.remark(&Remark::Nothing);
    }
    Ok(Exit::Yes)
}

pub(super) fn row(index: Index, wall_ms: u64, what: What<'_>, names: &Names, voice: Voice) -> Row {
    let person = signer(what);
    Row {
        verified: false,
        index,
        at: rfc3339(wall_ms),
        boot: None,
        kind: what.kind(),
        person: person.map(|person| person.to_string()),
        who: person.map(|person| names.person(person, voice.lang)),
        conversation: conversation(what, index, names),
        text: describe(what, names, voice.lang),
    }
}

pub(super) fn line(out: &mut impl Write, row: &Row, voice: Voice) -> io::Result<()> {
    if voice.json {
        return writeln!(out, "{}", Json::done("show", row).line()?);
    }
    let server = voice.lang.pick("[server]", "[сервер]");
    let who = row.who.as_deref().unwrap_or(server);
    writeln!(out, "#{} {} {who}: {}", row.index, row.at, row.text)
}
