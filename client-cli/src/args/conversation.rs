//! The command line of `conclave conv`.
//! Never takes a title: it is typed, or comes from standard input.

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Conv {
    /// Begin a group (its title is read from standard input or typed), or a private conversation.
    #[command(
        after_help = "Examples:\n  echo 'Night shift' | conclave conv new @boris @vera\n  conclave conv new --private @boris"
    )]
    New(ConvNew),
    /// List your conversations.
    #[command(after_help = "Example:\n  conclave conv list")]
    List,
    /// Show a conversation and its members.
    #[command(after_help = "Example:\n  conclave conv show 'Night shift'")]
    Show(ConvOne),
    /// Invite a person into a group.
    #[command(after_help = "Example:\n  conclave conv invite 'Night shift' @vera")]
    Invite(ConvPerson),
    /// Remove a person from a group.
    #[command(after_help = "Example:\n  conclave conv remove 'Night shift' @vera")]
    Remove(ConvPerson),
    /// Leave a group.
    #[command(after_help = "Example:\n  conclave conv leave 'Night shift'")]
    Leave(ConvOne),
    /// Make another member the owner of a group.
    #[command(after_help = "Example:\n  conclave conv owner 'Night shift' @boris")]
    Owner(ConvPerson),
    /// Let a member read what was written before he came.
    #[command(after_help = "Example:\n  conclave conv share-history 'Night shift' @vera")]
    ShareHistory(ConvPerson),
}

#[derive(Args)]
pub(crate) struct ConvNew {
    /// Who is invited: @login.
    #[arg(required = true, value_name = "WHO")]
    pub(crate) people: Vec<String>,
    /// A private conversation with one person.
    #[arg(long)]
    pub(crate) private: bool,
    /// A group without a title.
    #[arg(long, conflicts_with = "private")]
    pub(crate) untitled: bool,
    /// Highest label of its messages.
    #[arg(long, value_name = "LABEL")]
    pub(crate) ceiling: Option<String>,
    /// Label of messages that name none.
    #[arg(long, value_name = "LABEL")]
    pub(crate) default_label: Option<String>,
}

#[derive(Args)]
pub(crate) struct ConvOne {
    /// Which conversation: @login, #number or the beginning of a title.
    #[arg(value_name = "CONVERSATION")]
    pub(crate) of: String,
}

#[derive(Args)]
pub(crate) struct ConvPerson {
    /// Which conversation: #number or the beginning of a title.
    #[arg(value_name = "CONVERSATION")]
    pub(crate) of: String,
    /// Who: @login.
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
}
