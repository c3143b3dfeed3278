//! From what a person types to who and what is meant, and back: people, conversations, labels, numbers.
//! Never guesses: what fits two is refused and both are named. Names from certificates are cleaned before they are shown.

use crate::agent::policy_of;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, Lang, alike, clean, fold};
use journal::act::Precedence;
use journal::ids::{ConversationId, Index};
use journal::policy::Policy;
use pki::{Clearance, PersonId};
use protocol::client::event::{ConversationView, MessageView, PersonView};
use protocol::client::{Command, Reply};
use protocol::query::Query;
use std::collections::{BTreeMap, BTreeSet};

/// The directory and the policy, as one command needs them.
pub(crate) struct Names {
    me: PersonId,
    people: BTreeMap<PersonId, PersonView>,
    alike: BTreeSet<PersonId>,
    pub(crate) policy: Policy,
}

impl Names {
    /// Asks the agent for them.
    pub(crate) fn fetch(line: &mut Line) -> Result<Self, Trouble> {
        let status = line.status()?;
        let me = match status.me {
            Some(me) if status.unlocked => PersonId(me.person),
            Some(_) | None => return Err(Trouble::locked_by(status.trouble.as_ref())),
        };
        let Reply::People(people) = line.run(Command::People)? else { return Err(Trouble::odd_answer()) };
        let policy = line.run(Command::Ask(Query::Policy))?;
        let policy = policy_of(&policy).ok_or_else(Trouble::odd_answer)?;
        Ok(Self::new(me, people, policy))
    }

    pub(crate) fn new(me: PersonId, people: Vec<PersonView>, policy: Policy) -> Self {
        let names: Vec<&str> = people.iter().map(|person| person.full_name.as_str()).collect();
        let alike = alike(&names).into_iter().flatten().map(|place| people[place].person).collect();
        let people = people.into_iter().map(|person| (person.person, person)).collect();
        Self { me, people, alike, policy }
    }

    /// Who works here.
    pub(crate) fn me(&self) -> PersonId {
        self.me
    }

    /// Everybody, by login.
    pub(crate) fn everybody(&self) -> Vec<&PersonView> {
        let mut all: Vec<&PersonView> = self.people.values().collect();
        all.sort_by(|a, b| a.login.cmp(&b.login));
        all
    }

    /// What is known of a person.
    pub(crate) fn view(&self, person: PersonId) -> Option<&PersonView> {
        self.people.get(&person)
    }

    /// Whether another person's name looks like this one's.
    pub(crate) fn is_alike(&self, person: PersonId) -> bool {
        self.alike.contains(&person)
    }

    /// The login, which is unique.
    pub(crate) fn login(&self, person: PersonId) -> String {
        self.people.get(&person).map_or_else(|| person.to_string(), |view| clean(&view.login))
    }

    /// Name and login; a name that looks like another's is marked.
    pub(crate) fn full(&self, person: PersonId, lang: Lang) -> String {
        let Some(view) = self.people.get(&person) else { return person.to_string() };
        let mark = match self.is_alike(person) {
            true => lang.pick(" (!look-alike)", " (!похожее имя)"),
            false => "",
        };
        format!("{} @{}{mark}", clean(&view.full_name), clean(&view.login))
    }

    /// `@login` or `login`.
    pub(crate) fn person(&self, typed: &str) -> Result<PersonId, Trouble> {
        let login = typed.strip_prefix('@').unwrap_or(typed);
        let found = self.people.values().find(|person| person.login == login);
        found.map(|person| person.person).ok_or_else(|| {
            Trouble::say(
                Exit::No,
                "unknown-person",
                format!("there is no @{}; `conclave people` lists everybody", clean(login)),
                format!("нет @{}; список показывает `conclave people`", clean(login)),
            )
        })
    }

    /// A label by its rank or its name in either language; its beginning is enough where it is clear.
    pub(crate) fn label(&self, typed: &str) -> Result<Clearance, Trouble> {
        if let Some(rank) = typed.parse().ok().and_then(Clearance::from_rank) {
            return Ok(rank);
        }
        let typed = fold(typed);
        let named = |name: &str, whole: bool| {
            let name = fold(name);
            if whole { name == typed } else { !typed.is_empty() && name.starts_with(&typed) }
        };
        for whole in [true, false] {
            let fits: Vec<u8> = (0..)
                .zip(&self.policy.labels)
                .filter(|(_, label)| named(&label.en, whole) || named(&label.ru, whole))
                .map(|(rank, _)| rank)
                .collect();
            if let [rank] = fits[..]
                && let Some(rank) = Clearance::from_rank(rank)
            {
                return Ok(rank);
            }
        }
        let list = |lang: Lang| {
            let names: Vec<String> =
                (0..6).map(|rank| format!("{rank} {}", self.label_name(Clearance(rank), lang))).collect();
            names.join(", ")
        };
        Err(Trouble::say(
            Exit::Usage,
            "unknown-label",
            format!("there is no such label; there are: {}", list(Lang::En)),
            format!("такого грифа нет; есть: {}", list(Lang::Ru)),
        ))
    }

    /// A label as the policy names it.
    pub(crate) fn label_name(&self, label: Clearance, lang: Lang) -> String {
        match self.policy.labels.get(usize::from(label.rank())) {
            Some(name) => clean(lang.pick(&name.en, &name.ru)),
            None => label.to_string(),
        }
    }

    /// The other side of a private conversation.
    pub(crate) fn other_side(&self, conversation: &ConversationView) -> Option<PersonId> {
        conversation.with
    }

    /// The other side of a private conversation, where he is not in it any more.
    pub(crate) fn gone(&self, conversation: &ConversationView) -> Option<PersonId> {
        let is_in = |other: &PersonId| conversation.members.iter().any(|member| member.person == *other);
        self.other_side(conversation).filter(|other| !is_in(other))
    }

    /// What a conversation is called: a private one after the other side, a group by its title in quotes, of which the
    /// title itself has none. So no title passes for a person.
    pub(crate) fn title(&self, conversation: &ConversationView, lang: Lang) -> String {
        let quoted = |title: String| match lang {
            Lang::En => format!("\"{title}\""),
            Lang::Ru => format!("«{title}»"),
        };
        match self.other_side(conversation) {
            Some(other) => self.full(other, lang),
            None => title(conversation).map_or_else(|| format!("#{}", conversation.number), quoted),
        }
    }

    /// Likewise for scripts, which have the kind beside it.
    pub(crate) fn bare_title(&self, conversation: &ConversationView, lang: Lang) -> String {
        let plain = || conversation.title.as_ref().map(|title| clean(title.expose())).unwrap_or_default();
        match self.other_side(conversation) {
            Some(other) => self.full(other, lang),
            None => Some(plain())
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| format!("#{}", conversation.number)),
        }
    }

    /// Whether what is typed begins a name of the other side, and whether it is the whole of one.
    fn begins_name(&self, conversation: &ConversationView, typed: &str) -> (bool, bool) {
        let Some(view) = self.other_side(conversation).and_then(|other| self.view(other)) else {
            return (false, false);
        };
        let names =
            [fold(&view.full_name), fold(&view.login), fold(&format!("{} @{}", view.full_name, view.login))];
        (names.iter().any(|name| name.starts_with(typed)), names.iter().any(|name| name == typed))
    }
}

/// A group's title as it is shown: without quotes of its own.
fn title(conversation: &ConversationView) -> Option<String> {
    let quotes = ['"', '«', '»', '“', '”', '„', '‟', '‹', '›', '＂', '〝', '〞', '″'];
    let title = clean(conversation.title.as_ref()?.expose()).replace(quotes, "'");
    (!title.is_empty()).then_some(title)
}

/// One's conversations.
pub(crate) fn conversations(line: &mut Line) -> Result<Vec<ConversationView>, Trouble> {
    let Reply::Conversations(all) = line.run(Command::Conversations)? else {
        return Err(Trouble::odd_answer());
    };
    Ok(all)
}

/// What `@login`, `#number` or the beginning of a title means.
pub(crate) fn conversation<'a>(
    all: &'a [ConversationView],
    names: &Names,
    typed: &str,
) -> Result<&'a ConversationView, Trouble> {
    if typed.starts_with('@') {
        let person = names.person(typed)?;
        // The newest: of an older one the other side may be out.
        let with = |one: &&ConversationView| one.closed.is_none() && names.other_side(one) == Some(person);
        let private = all.iter().rev().find(with);
        return private.ok_or_else(|| unknown(typed, names));
    }
    if let Ok(number) = number(typed) {
        return all.iter().find(|one| one.number == number).ok_or_else(|| unknown(typed, names));
    }
    let begins = fold(typed);
    let of_group =
        |one: &ConversationView| one.title.as_ref().map(|title| fold(title.expose())).unwrap_or_default();
    // People's names too: a group that is called like a person is not taken for him.
    let fit = |one: &ConversationView| match names.other_side(one) {
        Some(_) => names.begins_name(one, &begins),
        None => (of_group(one).starts_with(&begins), of_group(one) == begins),
    };
    let fits: Vec<&ConversationView> = all.iter().filter(|one| one.closed.is_none() && fit(one).0).collect();
    let exact: Vec<&&ConversationView> = fits.iter().filter(|one| fit(one).1).collect();
    match (&fits[..], &exact[..]) {
        ([one], _) => Ok(one),
        (_, [one]) => Ok(one),
        ([], _) => Err(unknown(typed, names)),
        (several, _) => {
            let list = |lang: Lang| {
                let each = several.iter().map(|one| format!("#{} {}", one.number, names.title(one, lang)));
                each.collect::<Vec<_>>().join("; ")
            };
            Err(Trouble::say(
                Exit::Usage,
                "ambiguous-conversation",
                format!("several conversations begin so: {}", list(Lang::En)),
                format!("так начинается несколько бесед: {}", list(Lang::Ru)),
            ))
        }
    }
}

fn unknown(typed: &str, names: &Names) -> Trouble {
    if !typed.starts_with('@') && names.person(typed).is_ok() {
        let who = clean(typed);
        return Trouble::say(
            Exit::No,
            "unknown-conversation",
            format!("there is no conversation {who}; for the person, write @{who}"),
            format!("нет беседы {who}; если это человек, напишите @{who}"),
        );
    }
    Trouble::say(
        Exit::No,
        "unknown-conversation",
        format!("there is no conversation {}; `conclave conv list` shows them", clean(typed)),
        format!("нет беседы {}; список показывает `conclave conv list`", clean(typed)),
    )
}

/// The number of a message, as people write it.
pub(crate) fn number(typed: &str) -> Result<Index, Trouble> {
    console::number(typed).ok_or_else(|| {
        Trouble::say(
            Exit::Usage,
            "not-a-number",
            format!("{} is not the number of a message, like 1234", clean(typed)),
            format!("{} не является номером сообщения; номер пишется так: 1234", clean(typed)),
        )
    })
}

/// Finds a message by its number: first among those the agent holds, then in every conversation that may have it.
pub(crate) fn message(line: &mut Line, index: Index) -> Result<MessageView, Trouble> {
    let (mut held, _) = line.found(&crate::agent::wire::Ask::Held(index))?;
    if let Some(message) = held.pop() {
        return Ok(message);
    }
    for one in conversations(line)? {
        if one.number < index
            && one.last >= index
            && let Some(message) = message_in(line, one.id, index)?
        {
            return Ok(message);
        }
    }
    Err(Trouble::from(link::terminal::TerminalError::Command(protocol::client::Error::UnknownMessage {
        index,
    })))
}

fn message_in(line: &mut Line, of: ConversationId, index: Index) -> Result<Option<MessageView>, Trouble> {
    let Reply::Messages(messages, _) = line.run(Command::MessagesFrom(of, index))? else {
        return Err(Trouble::odd_answer());
    };
    Ok(messages.into_iter().find(|message| message.index == index))
}

/// A precedence in words.
pub(crate) fn precedence(precedence: Precedence, lang: Lang) -> &'static str {
    match precedence {
        Precedence::Routine => lang.pick("ROUTINE", "ОБЫЧНОЕ"),
        Precedence::Priority => lang.pick("PRIORITY", "СРОЧНОЕ"),
        Precedence::Immediate => lang.pick("IMMEDIATE", "НЕМЕДЛЕННОЕ"),
        Precedence::Flash => lang.pick("FLASH", "МОЛНИЯ"),
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
pub(crate) mod tests;
