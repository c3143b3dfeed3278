//! `conclave erase plan` and `conclave erase do`: for ever, everywhere, with a record in the journal.
//! Never erases what was not shown first, and never says "erased" before the server claims that it took effect.

use super::erasing::{Asked, wait};
use super::hold::{self, Held};
use crate::Here;
use crate::agent::wire::{Ask, Tell};
use crate::args::{EraseDo, ErasePlan};
use crate::names::{self, Names, conversations, number};
use crate::reach::Line;
use crate::show::{first_line, heading};
use crate::trouble::Trouble;
use console::table::shortened;
use console::{Exit, Lang, confirm_at_terminal};
use journal::act::EraseTarget;
use journal::refusal::code;
use link::terminal::{TerminalError, Words, erasing_words};
use protocol::client::event::{Content, ErasePlan as Plan, MessageView, PlannedErase};
use protocol::client::{Command, Reply};
use serde::Serialize;
use std::collections::BTreeMap;

/// Messages of a plan that are listed.
const LISTED_MAX: usize = 50;

console::words! {
    enum Said {
        Ask => en("Erase this for ever?"), ru("Стереть это навсегда?");
        Done { index: u64, epoch: u64 }
            => en("erased: #{index}; took effect in erasure epoch {epoch}"),
               ru("стёрто: запись № {index}; вступило в силу в эпоху уничтожения {epoch}");
        Asked { index: u64, why_en: String, why_ru: String }
            => en("the erasure is in the journal: #{index}; nobody is served any more\n{why_en}\n\
                   `conclave watch` will show when the keys are destroyed"),
               ru("стирание записано: № {index}; содержание больше никому не выдаётся\n{why_ru}\n\
                   когда ключи будут уничтожены, покажет `conclave watch`");
    }
}

struct Page<'a> {
    names: &'a Names,
    title: String,
    plan: &'a Plan,
    /// Those of its messages that the agent holds: what they say belongs to the question.
    held: &'a BTreeMap<u64, MessageView>,
    /// Holds that keep any of them: the server will refuse.
    holds: &'a [Held],
}

#[derive(Serialize)]
struct PlanJson {
    conversation: String,
    whole: bool,
    right: bool,
    more: bool,
    /// Holds that keep any of them.
    holds: Vec<u64>,
    messages: Vec<PlannedJson>,
}

#[derive(Serialize)]
struct PlannedJson {
    index: u64,
    author: String,
    file: bool,
}

#[derive(Serialize)]
struct DoneJson {
    index: u64,
    effective: bool,
    epoch: Option<u64>,
    /// What it waits for: `pace`, `cell`, `backup`, `room`, or the `connection`; empty when it took effect, or for nothing that the server named.
    waits_for: &'static str,
    /// In how many seconds, about; 0: not known.
    seconds: u64,
}

impl console::Words for Page<'_> {
    fn en(&self) -> String {
        self.lines(Lang::En)
    }
    fn ru(&self) -> String {
        self.lines(Lang::Ru)
    }
}

pub(super) fn plan(args: &ErasePlan, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let target = target(args, &mut line, &names)?;
    let (plan, title) = ask_plan(&mut line, &names, &target, here.voice.lang)?;
    let holds = holds(&mut line, &plan)?;
    let data = PlanJson {
        conversation: plan.conversation.to_string(),
        whole: plan.whole,
        right: plan.right,
        more: plan.more,
        holds: holds.iter().map(|hold| hold.index).collect(),
        messages: plan
            .messages
            .iter()
            .map(|one| PlannedJson { index: one.index, author: names.login(one.author), file: one.file })
            .collect(),
    };
    let held = held(&mut line, &plan)?;
    let page = Page { names: &names, title, plan: &plan, held: &held, holds: &holds };
    Ok(match plan.right {
        true => here.voice.done("erase plan", &page, data),
        false => here.voice.verdict("erase plan", Exit::NotAllowed, "no-right-to-erase", &page, data),
    })
}

pub(super) fn run(args: &EraseDo, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let target = target(&args.what, &mut line, &names)?;
    let (plan, title) = ask_plan(&mut line, &names, &target, here.voice.lang)?;
    let held = held(&mut line, &plan)?;
    let holds = holds(&mut line, &plan)?;
    here.voice.remark(&Page { names: &names, title, plan: &plan, held: &held, holds: &holds });
    if plan.messages.is_empty() && !plan.whole {
        return Err(Trouble::say(Exit::No, "erased-already", "there is nothing to erase", "стирать нечего"));
    }
    // What the server will refuse is not asked about first.
    if !plan.right {
        return Err(refused(code::NoRightToErase));
    }
    if !holds.is_empty() {
        return Err(refused(code::Held));
    }
    if !args.consent.yes
        && !confirm_at_terminal(&console::Words::say(&Said::Ask, here.voice.lang), here.voice.lang, "--yes")?
    {
        return Err(Trouble::say(Exit::No, "declined", "nothing was erased", "ничего не стёрто"));
    }
    // Listens before it acts: the effect may be told before the answer.
    let mut watching = Line::open(&here.home, here.voice)?;
    watching.say(&Ask::Watch)?;
    // Answered once the agent has taken the Watch: requests of one connection are heard in order.
    watching.say(&Ask::Status)?;
    while !matches!(watching.hear()?, Tell::Status(_)) {}
    let Reply::Admitted(admitted) = line.run(Command::Erase(target))? else {
        return Err(Trouble::odd_answer());
    };
    let index = admitted.index;
    // What an earlier succession gave up is not this. It is admitted: nothing that fails now says otherwise.
    let known = line.status().map(|status| status.successions).unwrap_or_default();
    let asked = Asked { index, eras: known.iter().map(|view| view.era).collect() };
    let waited = match wait(&mut watching, &mut line, &asked, here.voice) {
        // It stands in the journal: a server that went away since takes nothing of that back.
        Err(trouble) if trouble == Trouble::no_connection() => {
            let data = DoneJson { index, effective: false, epoch: None, waits_for: "connection", seconds: 0 };
            let why_en = "the server went away before it said that it took effect".to_owned();
            let why_ru = "сервер пропал раньше, чем сообщил, что стёрто".to_owned();
            return Ok(here.voice.done("erase do", &Said::Asked { index, why_en, why_ru }, data));
        }
        waited => waited?,
    };
    Ok(match waited {
        Ok(epoch) => {
            let data = DoneJson { index, effective: true, epoch: Some(epoch), waits_for: "", seconds: 0 };
            here.voice.done("erase do", &Said::Done { index, epoch }, data)
        }
        Err(wait) => {
            let (waits_for, seconds) = (wait.name(), wait.seconds());
            let data = DoneJson { index, effective: false, epoch: None, waits_for, seconds };
            let Words { en: why_en, ru: why_ru, .. } = erasing_words(wait);
            here.voice.done("erase do", &Said::Asked { index, why_en, why_ru }, data)
        }
    })
}

fn refused(code: u16) -> Trouble {
    TerminalError::Command(protocol::client::Error::Refused { code }).into()
}

/// The holds that keep any message of the plan.
fn holds(line: &mut Line, plan: &Plan) -> Result<Vec<Held>, Trouble> {
    let mut holds = hold::holds(line, plan.conversation)?;
    holds.retain(|hold| kept_of(hold, plan) > 0);
    Ok(holds)
}

/// How many messages of the plan a hold keeps.
fn kept_of(held: &Held, plan: &Plan) -> usize {
    let keeps = |one: &&PlannedErase| held.hold.scope.keeps(plan.conversation, one.index, one.author);
    plan.messages.iter().filter(keeps).count()
}

fn held(line: &mut Line, plan: &Plan) -> Result<BTreeMap<u64, MessageView>, Trouble> {
    let mut held = BTreeMap::new();
    for one in plan.messages.iter().take(LISTED_MAX) {
        let (found, _) = line.found(&Ask::Held(one.index))?;
        held.extend(found.into_iter().map(|message| (message.index, message)));
    }
    Ok(held)
}

fn target(args: &ErasePlan, line: &mut Line, names: &Names) -> Result<EraseTarget, Trouble> {
    if let Some(typed) = &args.conversation {
        let all = conversations(line)?;
        return Ok(EraseTarget::Conversation(names::conversation(&all, names, typed)?.id));
    }
    let numbers: Result<Vec<u64>, Trouble> = args.messages.iter().map(|typed| number(typed)).collect();
    let mut numbers = numbers?;
    numbers.sort_unstable();
    numbers.dedup();
    let mut conversation = None;
    for index in &numbers {
        let of = names::message(line, *index)?.conversation;
        if *conversation.get_or_insert(of) != of {
            return Err(Trouble::say(
                Exit::Usage,
                "two-conversations",
                "these messages are of several conversations; erase them one conversation at a time",
                "эти сообщения из разных бесед; стирайте по одной беседе",
            ));
        }
    }
    conversation.map(|of| EraseTarget::Messages(of, numbers)).ok_or_else(Trouble::odd_answer)
}

fn ask_plan(
    line: &mut Line,
    names: &Names,
    target: &EraseTarget,
    lang: Lang,
) -> Result<(Plan, String), Trouble> {
    let Reply::Plan(plan) = line.run(Command::ErasePlan(target.clone()))? else {
        return Err(Trouble::odd_answer());
    };
    let all = conversations(line)?;
    let one = all.iter().find(|one| one.id == plan.conversation);
    let title = one.map_or_else(String::new, |one| format!("{} (#{})", names.title(one, lang), one.number));
    Ok((plan, title))
}

/// A text that begins like the line of a file is a text.
fn is_file_alone(message: &MessageView) -> bool {
    match &message.content {
        Content::Text(text, Some(_)) => text.expose().is_empty(),
        Content::Text(_, None)
        | Content::Erased(_)
        | Content::NoKey(_)
        | Content::Missing
        | Content::Unreadable(_)
        | Content::GivenUp(_)
        | Content::Ahead(_) => false,
    }
}

impl Page<'_> {
    fn lines(&self, lang: Lang) -> String {
        let plan = self.plan;
        let mut lines = vec![match plan.whole {
            true => format!(
                "{}: {}",
                lang.pick(
                    "the whole conversation goes and is closed for good",
                    "стирается и навсегда закрывается вся беседа"
                ),
                self.title
            ),
            false => format!("{}: {}", lang.pick("from", "из беседы"), self.title),
        }];
        for one in plan.messages.iter().take(LISTED_MAX) {
            let file = if one.file { lang.pick(", with its file", ", с файлом") } else { "" };
            let shown = match self.held.get(&one.index) {
                Some(message) => {
                    let (heading, first) =
                        (heading(message, self.names, lang), first_line(message, self.names, lang));
                    // A message that is nothing but a file says so itself.
                    let file = if is_file_alone(message) { "" } else { file };
                    shortened(&format!("  {heading}{file}: {first}"), super::width())
                }
                None => format!("  #{} {}{file}", one.index, self.names.full(one.author, lang)),
            };
            lines.push(shown);
        }
        if plan.more || plan.messages.len() > LISTED_MAX {
            lines.push(lang.pick("  and more", "  и другие").to_owned());
        }
        if plan.messages.is_empty() && !plan.whole {
            lines.push(
                lang.pick("  nothing: all of it was erased already", "  ничего: всё это уже стёрто")
                    .to_owned(),
            );
        }
        for hold in self.holds {
            lines.push(hold::hold_line(hold, self.names, lang).trim_end().to_owned());
            let kept = kept_of(hold, plan);
            lines.push(lang.pick(
                format!("  it keeps {kept} of these: nothing of this plan is erased before it ends"),
                format!("  он хранит из них: {kept}; пока он не кончится, ничего из этого не стереть"),
            ));
        }
        lines.push(match plan.right {
            true if !self.holds.is_empty() => lang
                .pick(
                    "you have the right to do this, but not before the hold ends",
                    "у вас есть на это право, но не раньше, чем кончится запрет",
                )
                .to_owned(),
            true => lang
                .pick(
                    "you have the right to do this; what others copied or remember stays",
                    "у вас есть на это право; то, что другие скопировали или помнят, останется",
                )
                .to_owned(),
            false => lang.pick("you have NO right to do this", "у вас НЕТ на это права").to_owned(),
        });
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::Precedence;
    use journal::ids::ConversationId;
    use pki::{Clearance, PersonId};
    use protocol::client::SecretText;
    use protocol::client::event::FileView;

    #[test]
    fn a_text_that_begins_like_a_file_is_no_file() {
        let message = |content| MessageView {
            index: 7,
            conversation: ConversationId([1; 32]),
            author: PersonId(2),
            wall_ms: 0,
            time_ms: 0,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            reference: None,
            content,
            disclosed: Vec::new(),
        };
        let file = || FileView {
            name: SecretText::from("plan.pdf"),
            bytes: 1,
            chunks: 1,
            media_type: None,
            sha256: [0; 32],
        };
        let text = |text: &str, file| is_file_alone(&message(Content::Text(SecretText::from(text), file)));
        assert!(text("", Some(file())));
        assert!(!text("file: see there", Some(file())) && !text("file: see there", None));
    }
}
