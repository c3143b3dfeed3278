//! Who and what the ids in a journal stand for, gathered as the entries come by.
//! Never says that anything is true: names come from certificates that only a verification judges.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use console::{Lang, clean};
use journal::act::{Act, DualAct};
use journal::entry::{Content, Entry};
use journal::fact::Fact;
use journal::ids::{ConversationId, Index};
use journal::policy::{LabelName, Policy};
use journal::replay::{CheckedEntry, Fault};
use journal::statement::Parsed;
use pki::{Certificate, Clearance, PersonId, Role, RoleSet, canonical};

use crate::kind_words::kind_words;

/// What an entry holds, read whole.
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// A signed act.
    Statement(&'a Parsed),
    /// A claim of the server.
    Fact(&'a Fact),
}

impl<'a> What<'a> {
    /// Of an entry that was checked.
    pub fn of(entry: &'a CheckedEntry) -> Option<Self> {
        match (entry.statement(), entry.fact()) {
            (Some(statement), _) => Some(Self::Statement(statement.get())),
            (None, Some(fact)) => Some(Self::Fact(fact)),
            (None, None) => None,
        }
    }

    /// The kind's name, as filters and scripts use it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Statement(parsed) => parsed.act().name(),
            Self::Fact(fact) => fact.kind().1,
        }
    }

    /// The kind in words.
    pub fn kind_words(self, lang: Lang) -> &'static str {
        let number = match self {
            Self::Statement(parsed) => parsed.act().kind(),
            Self::Fact(fact) => 1000 + fact.kind().0,
        };
        kind_words(number, lang).unwrap_or(self.kind())
    }
}

/// An entry that was read but not verified.
pub struct Opened {
    /// Its time stamp.
    pub wall_ms: u64,
    /// Milliseconds of its boot.
    pub boot_ms: u64,
    content: OpenedContent,
}

enum OpenedContent {
    Statement(Box<Parsed>),
    Fact(Box<Fact>),
}

impl Opened {
    /// Reads an entry whole.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let entry = Entry::decode(bytes)?;
        let content = match entry.content {
            Content::Statement(signed) => OpenedContent::Statement(Box::new(signed.parse()?)),
            Content::Fact(fact) => OpenedContent::Fact(Box::new(fact)),
        };
        Ok(Self { wall_ms: entry.wall_ms, boot_ms: entry.boot_ms, content })
    }

    /// What it holds.
    pub fn what(&self) -> What<'_> {
        match &self.content {
            OpenedContent::Statement(parsed) => What::Statement(parsed),
            OpenedContent::Fact(fact) => What::Fact(fact),
        }
    }
}

/// A person as the newest certificate says.
#[derive(Clone, Debug)]
pub struct Known {
    /// Login, cleaned.
    pub login: String,
    /// Full name, cleaned.
    pub name: String,
}

/// The names known so far.
#[derive(Default)]
pub struct Names {
    people: BTreeMap<PersonId, Known>,
    /// Whom a login names; of two that a bundle gives one login, the first.
    logins: BTreeMap<String, PersonId>,
    conversations: BTreeMap<ConversationId, Index>,
    /// How the site calls its labels, by rank: as the genesis says, or the newest policy that was approved.
    labels: Vec<LabelName>,
    /// How a policy that was proposed would.
    proposed: BTreeMap<Index, Vec<LabelName>>,
    /// Messages that ask for acknowledgement with the number of their conversation, ascending; `None` where nobody asks.
    messages: Option<Vec<(Index, Index)>>,
}

impl Names {
    /// Names that also tell which conversation an acknowledged message is in: this alone grows with the messages.
    pub fn with_messages() -> Self {
        Self { messages: Some(Vec::new()), ..Self::default() }
    }

    /// Takes in what this entry makes known.
    pub fn take(&mut self, index: Index, what: What<'_>) {
        let What::Statement(parsed) = what else { return };
        if let Act::Enrol(act) = parsed.act() {
            if let Ok(certificate) = Certificate::parse(&act.signature)
                && let Some(person) = certificate.person()
            {
                let text = |text: Option<&str>| clean(text.unwrap_or_default());
                let known = Known { login: text(certificate.login()), name: text(certificate.full_name()) };
                self.logins.entry(known.login.clone()).or_insert(person);
                self.people.insert(person, known);
            }
        } else if let Act::Genesis(act) = parsed.act() {
            self.labels = act.policy.labels.clone();
        } else if let Act::Propose(act) = parsed.act() {
            if let Ok(DualAct::Policy(policy)) = canonical::decode(&act.act) {
                self.proposed.insert(index, policy.labels);
            }
        } else if let Act::Approve(act) = parsed.act() {
            if let Some(labels) = self.proposed.remove(&act.proposal) {
                self.labels = labels;
            }
        } else if let Act::Create(_) = parsed.act() {
            self.conversations.insert(ConversationId(parsed.id().0), index);
        } else if let Act::Message(act) = parsed.act()
            && act.must_acknowledge
            && let Some(number) = self.conversations.get(&act.conversation)
            && let Some(messages) = &mut self.messages
        {
            messages.push((index, *number));
        }
    }

    /// A person's login, or the id where no certificate named it; 0 is the authority.
    pub fn person(&self, person: PersonId, lang: Lang) -> String {
        match self.people.get(&person) {
            _ if person == PersonId(0) => lang.pick("authority", "удостоверяющий центр").to_owned(),
            Some(known) => known.login.clone(),
            None => person.to_string(),
        }
    }

    /// A label as the site calls it.
    pub fn label(&self, rank: Clearance, lang: Lang) -> String {
        label(&self.labels, rank, lang)
    }

    /// A person by login or by 16 hex digits.
    pub fn find(&self, wanted: &str) -> Option<PersonId> {
        let login = wanted.strip_prefix('@').unwrap_or(wanted);
        self.logins.get(login).copied().or_else(|| login.parse().ok())
    }

    /// The number of a conversation.
    pub fn conversation(&self, id: ConversationId) -> Option<Index> {
        self.conversations.get(&id).copied()
    }

    /// Whether a conversation of this number was founded.
    pub fn has_conversation(&self, number: Index) -> bool {
        self.conversations.values().any(|founded| *founded == number)
    }

    /// The number of the conversation that a message which asks for acknowledgement is in; see [`Self::with_messages`].
    pub fn conversation_of(&self, message: Index) -> Option<Index> {
        let messages = self.messages.as_ref()?;
        let row = messages.binary_search_by_key(&message, |(index, _)| *index).ok()?;
        Some(messages[row].1)
    }

    /// `#12`, or the beginning of the id where the founding was not seen.
    pub fn place(&self, id: ConversationId) -> String {
        match self.conversation(id) {
            Some(number) => format!("#{number}"),
            None => format!("{}…", &id.to_string()[..8]),
        }
    }
}

/// Lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A label as these names have it; the standard name, with the rank, where they have none.
pub fn label(labels: &[LabelName], rank: Clearance, lang: Lang) -> String {
    let named = |labels: &[LabelName]| {
        labels.get(usize::from(rank.rank())).map(|name| clean(lang.pick(&name.en, &name.ru)))
    };
    let standard = || named(&Policy::standard().labels).unwrap_or_default();
    named(labels).unwrap_or_else(|| format!("{} ({})", standard(), rank.rank()))
}

/// A role in the reader's language.
pub fn role(role: Role, lang: Lang) -> &'static str {
    let ru = match role {
        Role::Server => "сервер",
        Role::Core => "ядро",
        Role::Operator => "оператор",
        Role::Officer => "офицер безопасности",
        Role::Administrator => "администратор",
        Role::Auditor => "аудитор",
        Role::Bot => "бот",
        Role::Witness => "свидетель",
    };
    lang.pick(role.name(), ru)
}

/// Roles, separated by commas.
pub fn roles(set: RoleSet, lang: Lang) -> String {
    set.iter().map(|one| role(one, lang)).collect::<Vec<_>>().join(", ")
}
