//! `conclave ack`: acknowledges a message, by a signed act of its own.
//! Never acknowledges anything by itself.

use crate::Here;
use crate::args::Ack;
use crate::names::number;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::Exit;
use protocol::client::{Command, Reply};
use serde::Serialize;

console::words! {
    enum Said {
        Done { message: u64, index: u64 }
            => en("message #{message} acknowledged: #{index}"),
               ru("сообщение № {message} подтверждено: запись № {index}");
    }
}

#[derive(Serialize)]
struct Data {
    message: u64,
    index: u64,
}

pub(super) fn run(args: &Ack, here: Here) -> Result<Exit, Trouble> {
    let message = number(&args.message)?;
    let mut line = Line::open(&here.home, here.voice)?;
    let Reply::Admitted(admitted) = line.run(Command::Acknowledge(message))? else {
        return Err(Trouble::odd_answer());
    };
    let index = admitted.index;
    Ok(here.voice.done("ack", &Said::Done { message, index }, Data { message, index }))
}
