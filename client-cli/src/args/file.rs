//! The command line of `conclave file`.
//! Never takes the text that goes with a file: it comes from standard input.

use super::Marks;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum File {
    /// Send a file with a message.
    #[command(after_help = "Example:\n  conclave file send @boris report.pdf")]
    Send(FileSend),
    /// List files.
    #[command(after_help = "Example:\n  conclave file list @boris")]
    List(FileList),
    /// Show a text file; nothing is written.
    #[command(after_help = "Example:\n  conclave file view 1234")]
    View(FileOne),
    /// Write a file to this computer, if the policy allows it.
    #[command(after_help = "Example:\n  conclave file save 1234 report.pdf")]
    Save(FileSave),
    /// Fetch a file, check it and keep nothing.
    #[command(after_help = "Example:\n  conclave file verify 1234")]
    Verify(FileOne),
}

#[derive(Args)]
pub(crate) struct FileSend {
    /// To whom: @login, #number or the beginning of a group's title.
    #[arg(value_name = "WHO")]
    pub(crate) to: String,
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Read a text that goes with it from standard input.
    #[arg(long)]
    pub(crate) with_text: bool,
    #[command(flatten)]
    pub(crate) marks: Marks,
}

#[derive(Args)]
pub(crate) struct FileList {
    /// Which conversation; all of them otherwise.
    #[arg(value_name = "WHO")]
    pub(crate) of: Option<String>,
}

#[derive(Args)]
pub(crate) struct FileOne {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
}

#[derive(Args)]
pub(crate) struct FileSave {
    /// Number of the message.
    #[arg(value_name = "N")]
    pub(crate) message: String,
    /// Where to; in this directory under its own name otherwise. Nothing is overwritten.
    #[arg(value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}
