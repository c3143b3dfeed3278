//! The commands, one file each.
//! Never keeps anything between two runs: what lasts is the agent's or the credential's.

mod ack;
mod agent;
mod checkpoint;
mod conv;
mod conv_new;
mod disclose;
mod erase;
mod erasing;
mod file;
mod file_fetch;
mod hold;
mod inbox;
mod lock;
mod login;
mod message;
mod order;
mod password;
mod people;
mod read;
mod request;
mod request_take;
mod search;
mod send;
mod setup;
mod status;
mod watch;
mod whoami;

use crate::Here;
use crate::args::{Cmd, Conv, Erase, File, Message};
use crate::trouble::Trouble;
use console::Exit;
use hardening::Sandboxed;

pub(crate) use password::Password;

/// The name of a command in JSON answers.
pub(crate) fn name(command: &Cmd) -> &'static str {
    match command {
        Cmd::Setup(_) => "setup",
        Cmd::Request(_) => "request",
        Cmd::Login(_) => "login",
        Cmd::Whoami => "whoami",
        Cmd::Status => "status",
        Cmd::Checkpoint(_) => "checkpoint",
        Cmd::Lock => "lock",
        Cmd::Logout => "logout",
        Cmd::Password(_) => "password",
        Cmd::People(_) => "people",
        Cmd::Send(_) => "send",
        Cmd::Inbox => "inbox",
        Cmd::Read(_) => "read",
        Cmd::Ack(_) => "ack",
        Cmd::Message(Message::Show(_)) => "message show",
        Cmd::Message(Message::Disclose(_)) => "message disclose",
        Cmd::Message(Message::Receipt(_)) => "message receipt",
        Cmd::Message(Message::Report(_)) => "message report",
        Cmd::Watch => "watch",
        Cmd::Conv(Conv::New(_)) => "conv new",
        Cmd::Conv(Conv::List) => "conv list",
        Cmd::Conv(Conv::Show(_)) => "conv show",
        Cmd::Conv(Conv::Invite(_)) => "conv invite",
        Cmd::Conv(Conv::Remove(_)) => "conv remove",
        Cmd::Conv(Conv::Leave(_)) => "conv leave",
        Cmd::Conv(Conv::Owner(_)) => "conv owner",
        Cmd::Conv(Conv::ShareHistory(_)) => "conv share-history",
        Cmd::File(File::Send(_)) => "file send",
        Cmd::File(File::List(_)) => "file list",
        Cmd::File(File::View(_)) => "file view",
        Cmd::File(File::Save(_)) => "file save",
        Cmd::File(File::Verify(_)) => "file verify",
        Cmd::Erase(Erase::Plan(_)) => "erase plan",
        Cmd::Erase(Erase::Do(_)) => "erase do",
        Cmd::Erase(Erase::Orders) => "erase orders",
        Cmd::Erase(Erase::Object(_)) => "erase object",
        Cmd::Search(_) => "search",
        Cmd::Agent(_) => "agent",
        Cmd::Extra(_) => "conclave",
    }
}

/// Runs a command.
pub(crate) fn run(command: Cmd, here: Here, sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    match command {
        Cmd::Setup(args) => setup::run(args, here),
        Cmd::Request(args) => match &args.take {
            Some(take) => request_take::run(take, args.passphrase.passphrase_fd, here),
            None => request::run(args, here),
        },
        Cmd::Login(args) => login::run(args, here, sandboxed),
        Cmd::Whoami => whoami::run(here),
        Cmd::Status => status::run(here),
        Cmd::Checkpoint(args) => checkpoint::run(&args, here),
        Cmd::Lock => lock::run(here, lock::How::Lock),
        Cmd::Logout => lock::run(here, lock::How::Logout),
        Cmd::Password(args) => password::run(&args, here),
        Cmd::People(args) => people::run(args, here),
        Cmd::Send(args) => send::run(args, here),
        Cmd::Inbox => inbox::run(here),
        Cmd::Read(args) => read::run(args, here),
        Cmd::Ack(args) => ack::run(&args, here),
        Cmd::Message(Message::Show(args)) => message::run(&args, here),
        Cmd::Message(Message::Disclose(args)) => disclose::disclose(&args, here),
        Cmd::Message(Message::Receipt(args)) => disclose::receipt(&args, here),
        Cmd::Message(Message::Report(args)) => disclose::report(&args, here),
        Cmd::Watch => watch::run(here),
        Cmd::Conv(conv) => conv::run(conv, here),
        Cmd::File(File::Send(args)) => file::send(args, here),
        Cmd::File(File::List(args)) => file::list(args, here),
        Cmd::File(File::View(args)) => file_fetch::view(&args, here),
        Cmd::File(File::Save(args)) => file_fetch::save(&args, here),
        Cmd::File(File::Verify(args)) => file_fetch::verify(&args, here),
        Cmd::Erase(Erase::Plan(args)) => erase::plan(&args, here),
        Cmd::Erase(Erase::Do(args)) => erase::run(&args, here),
        Cmd::Erase(Erase::Orders) => order::list(here),
        Cmd::Erase(Erase::Object(args)) => order::object(&args, here),
        Cmd::Search(args) => search::run(&args, here),
        Cmd::Agent(args) => agent::run(&args, here, sandboxed),
        Cmd::Extra(_) => Ok(Exit::Yes),
    }
}

/// Columns for what is answered.
fn width() -> usize {
    console::terminal::output_columns()
}
