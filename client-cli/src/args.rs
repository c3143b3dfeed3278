//! The command line of `conclave`, in English; Russian stands in `help`.
//! Never takes a secret or a text of a message: those come from the terminal, from standard input or from descriptors.

mod conversation;
mod file;

pub(crate) use conversation::{Conv, ConvNew, ConvOne, ConvPerson};
pub(crate) use file::{File, FileList, FileOne, FileSave, FileSend};

use clap::{Args, Parser, Subcommand, ValueEnum};
use console::{Common, Consent, Extra, PassphraseFd};
use std::path::PathBuf;

/// Messages that never leave the room.
#[derive(Parser)]
#[command(
    name = "conclave",
    version,
    after_help = "Example:\n  conclave login\n  echo 'At nine.' | conclave send @boris"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Directory of credential and site card (else CONCLAVE_HOME, else ~/.config/conclave).
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Cmd,
}

#[derive(Subcommand)]
pub(crate) enum Cmd {
    /// Take the site card in, after comparing its fingerprint.
    #[command(after_help = "Example:\n  conclave setup site.card")]
    Setup(Setup),
    /// Make keys and a request for certificates; later take the certificates in.
    #[command(
        after_help = "Examples:\n  conclave request --login anna --name 'Anna Petrova' --out anna.request\n  conclave request --take anna.certificates"
    )]
    Request(Request),
    /// Log in: start the agent, or unlock it.
    #[command(after_help = "Examples:\n  conclave login --envelope\n  conclave login")]
    Login(Login),
    /// Show who works here.
    #[command(after_help = "Example:\n  conclave whoami")]
    Whoami,
    /// Show how the agent stands, and what was not sent.
    #[command(after_help = "Example:\n  conclave status")]
    Status,
    /// Print the newest proven checkpoint: an auditor's head from outside, and what a recovery must know. Needs no server.
    #[command(after_help = "Example:\n  conclave checkpoint > anna.checkpoint")]
    Checkpoint(Checkpoint),
    /// Forget every secret and text; `login` brings the session back.
    #[command(after_help = "Example:\n  conclave lock")]
    Lock,
    /// End the session and the agent.
    #[command(after_help = "Example:\n  conclave logout")]
    Logout,
    /// Change your password; the old one is asked for first.
    #[command(after_help = "Example:\n  conclave password")]
    Password(crate::command::Password),
    /// List people.
    #[command(after_help = "Example:\n  conclave people petrov")]
    People(People),
    /// Send a message; its text comes from standard input or is typed.
    #[command(after_help = "Example:\n  echo 'At nine.' | conclave send @boris --must-ack")]
    Send(Send),
    /// Show what is unread.
    #[command(after_help = "Example:\n  conclave inbox")]
    Inbox,
    /// Show messages and mark them as read.
    #[command(after_help = "Examples:\n  conclave read\n  conclave read @boris --last 50")]
    Read(Read),
    /// Acknowledge a message.
    #[command(after_help = "Example:\n  conclave ack 1234")]
    Ack(Ack),
    /// Look at one message, and what can be done about it.
    #[command(subcommand)]
    Message(Message),
    /// Show what happens, as it happens.
    #[command(after_help = "Example:\n  conclave watch")]
    Watch,
    /// Conversations: private ones and groups.
    #[command(subcommand)]
    Conv(Conv),
    /// Files that come with messages.
    #[command(subcommand)]
    File(File),
    /// Erase for ever, everywhere.
    #[command(subcommand)]
    Erase(Erase),
    /// Search the messages that the agent holds.
    #[command(after_help = "Example:\n  conclave search lighthouse")]
    Search(Search),
    /// The agent itself; `login` starts it.
    #[command(hide = true)]
    Agent(Agent),
    #[command(flatten)]
    Extra(Extra),
}

#[derive(Args)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFd,
}

#[derive(Args)]
pub(crate) struct Setup {
    /// The site card.
    #[arg(value_name = "SITE-CARD")]
    pub(crate) card: PathBuf,
    /// The fingerprint that an officer gave you; without it you are asked to compare.
    #[arg(long, value_name = "HEX")]
    pub(crate) fingerprint: Option<String>,
}

#[derive(Args)]
pub(crate) struct Request {
    /// Login name: small Latin letters, digits, dot, dash, underscore.
    #[arg(long, required_unless_present_any = ["take", "renew"])]
    pub(crate) login: Option<String>,
    /// Full name.
    #[arg(long, required_unless_present_any = ["take", "renew"])]
    pub(crate) name: Option<String>,
    /// Unit, outermost first; may be given several times.
    #[arg(long)]
    pub(crate) unit: Vec<String>,
    /// Kind of keys; the site's own where its card is here.
    #[arg(long)]
    pub(crate) suite: Option<SuiteName>,
    /// Where the request is written.
    #[arg(long, value_name = "FILE", required_unless_present = "take")]
    pub(crate) out: Option<PathBuf>,
    /// Ask for new certificates with new keys; the old ones serve until the new ones are taken in.
    #[arg(long, conflicts_with_all = ["login", "name", "unit", "suite", "take"])]
    pub(crate) renew: bool,
    /// Take in the certificates that an officer issued.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["login", "name", "unit", "suite", "out"])]
    pub(crate) take: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFd,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SuiteName {
    #[value(name = "ed25519")]
    Ed25519,
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
}

#[derive(Args)]
pub(crate) struct Login {
    /// First login, with the one-time password of the paper envelope.
    #[arg(long)]
    pub(crate) envelope: bool,
    /// End another session of yours that still lives.
    #[arg(long)]
    pub(crate) end_other: bool,
    /// Passphrase of the credential and login password are two, and both are asked for.
    #[arg(long, conflicts_with = "envelope")]
    pub(crate) separate: bool,
    /// Stay in the foreground instead of starting a process of its own.
    #[arg(long)]
    pub(crate) foreground: bool,
    /// Lock after so many seconds without use, where the policy does not say less.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) idle: Option<u32>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFd,
    /// Read the envelope's password from this descriptor.
    #[arg(long, value_name = "FD", requires = "envelope")]
    pub(crate) envelope_fd: Option<u32>,
    /// Read the new password from this descriptor.
    #[arg(long, value_name = "FD")]
    pub(crate) new_password_fd: Option<u32>,
}

#[derive(Args)]
pub(crate) struct Agent {
    /// Lock after so many milliseconds without use.
    #[arg(long)]
    pub(crate) idle_ms: Option<u64>,
}

#[derive(Args)]
pub(crate) struct People {
    /// Words that login, name or unit contain.
    pub(crate) query: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PrecedenceName {
    Routine,
    Priority,
    Immediate,
    Flash,
}

/// What every message may carry.
#[derive(Args)]
pub(crate) struct Marks {
    /// Label, by its name or rank (0 to 5); the conversation's own otherwise.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// How urgent it is.
    #[arg(long, value_name = "P", default_value = "routine")]
    pub(crate) precedence: PrecedenceName,
    /// Every reader is to acknowledge it.
    #[arg(long)]
    pub(crate) must_ack: bool,
    /// Number of the message that it answers.
    #[arg(long, value_name = "N")]
    pub(crate) reply: Option<String>,
}

#[derive(Args)]
pub(crate) struct Send {
    /// To whom: @login, #number or the beginning of a group's title.
    #[arg(value_name = "WHO")]
    pub(crate) to: String,
    /// What people type first: it is refused with words about where the text goes.
    #[arg(hide = true)]
    pub(crate) text: Vec<String>,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

#[derive(Args)]
pub(crate) struct Read {
    /// Which conversation: @login, #number or the beginning of a title; all unread ones otherwise.
    #[arg(value_name = "WHO")]
    pub(crate) of: Option<String>,
    /// Show so many of the newest messages, read ones too.
    #[arg(long, value_name = "N", requires = "of")]
    pub(crate) last: Option<u32>,
    /// Show messages before this one.
    #[arg(long, value_name = "N", requires = "of")]
    pub(crate) before: Option<String>,
    /// Do not mark them as read.
    #[arg(long)]
    pub(crate) keep_unread: bool,
}

#[derive(Args)]
pub(crate) struct Ack {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
}

#[derive(Subcommand)]
pub(crate) enum Message {
    /// Show a message, and who got, read and acknowledged it, and when.
    #[command(after_help = "Example:\n  conclave message show 1234")]
    Show(MessageShow),
    /// Give one message to somebody outside, with proof of who wrote it and when. The journal records it; there is no way
    /// back.
    #[command(
        after_help = "Examples:\n  conclave message disclose 1234 --out 1234.disclosure\n  conclave message disclose 1234 --out 1234.disclosure --plan"
    )]
    Disclose(MessageDisclose),
    /// Write the receipt of a message: that it is in the journal, signed by whom. It opens nothing.
    #[command(after_help = "Example:\n  conclave message receipt 1234 --out 1234.receipt")]
    Receipt(MessageReceipt),
    /// Tell the officers that something is wrong with a message.
    #[command(after_help = "Example:\n  conclave message report 1234 --reason not-mine")]
    Report(MessageReport),
}

#[derive(Args)]
pub(crate) struct MessageDisclose {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
    /// The file to write; only you can read it. An existing file stays as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Only show what would be disclosed.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Args)]
pub(crate) struct MessageReceipt {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
    /// The file to write; an existing file stays as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct MessageReport {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
    /// What is wrong: you are named as its author and did not write it, its label is wrong, or something else that you tell
    /// an officer yourself.
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: ReasonName,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ReasonName {
    NotMine,
    Mislabelled,
    Other,
}

#[derive(Args)]
pub(crate) struct MessageShow {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
}

#[derive(Subcommand)]
pub(crate) enum Erase {
    /// Show what an erasure would take, and whether you have the right.
    #[command(
        after_help = "Examples:\n  conclave erase plan 1234\n  conclave erase plan --conversation @boris"
    )]
    Plan(ErasePlan),
    /// Erase. There is no way back.
    #[command(after_help = "Examples:\n  conclave erase do 1234\n  conclave erase do --conversation @boris")]
    Do(EraseDo),
    /// List orders of erasure that two officers gave and that concern you.
    #[command(after_help = "Example: conclave erase orders")]
    Orders,
    /// Object to an order before it takes effect: then two officers must confirm it.
    #[command(after_help = "Example: conclave erase object 1400")]
    Object(EraseObject),
}

#[derive(Args)]
pub(crate) struct EraseObject {
    /// Number of the order, as `conclave erase orders` shows it.
    #[arg(value_name = "N")]
    pub(crate) order: String,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Args)]
pub(crate) struct ErasePlan {
    /// Numbers of messages, all of one conversation.
    #[arg(value_name = "N", required_unless_present = "conversation")]
    pub(crate) messages: Vec<String>,
    /// A whole conversation: @login, #number or the beginning of a title.
    #[arg(long, value_name = "WHO", conflicts_with = "messages")]
    pub(crate) conversation: Option<String>,
}

#[derive(Args)]
pub(crate) struct EraseDo {
    #[command(flatten)]
    pub(crate) what: ErasePlan,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Args)]
pub(crate) struct Search {
    /// Words that a message contains.
    #[arg(required = true)]
    pub(crate) query: Vec<String>,
}
