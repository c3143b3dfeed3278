//! Long lists cross the agent's socket in parts, each of which fits a frame many times.
//! Never leaves anything out: whoever hears the parts joins them to the list that was sent.

use super::wire::{Tell, bytes_of};
use crate::trouble::Trouble;
use minicbor::Encode;
use protocol::client::Reply;

/// A part is closed once it is that long, bytes. One row is far smaller than what a frame has room for beyond it.
const PART_BYTES: usize = 1 << 20;

/// What is told for a reply: parts, if it is long, then the rest as done.
pub(crate) fn told(reply: Reply) -> Vec<Tell> {
    match reply {
        Reply::Conversations(all) => list(all, Reply::Conversations),
        Reply::People(all) => list(all, Reply::People),
        short @ (Reply::Nothing
        | Reply::Admitted(_)
        | Reply::Conversation(_)
        | Reply::Messages(..)
        | Reply::Status(_)
        | Reply::Plan(_)
        | Reply::File(_)
        | Reply::Answer(_)
        | Reply::Entries(..)
        | Reply::Sessions(_)
        | Reply::Server(_)
        | Reply::Orders(..)
        | Reply::Alarms(_)
        | Reply::Document(_)
        | Reply::Found(..)
        | Reply::Founded(..)) => vec![Tell::Done(Box::new(short))],
    }
}

fn list<T: Encode<()>>(all: Vec<T>, reply: impl Fn(Vec<T>) -> Reply) -> Vec<Tell> {
    let (mut told, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for row in all {
        bytes += bytes_of(&row);
        part.push(row);
        if bytes >= PART_BYTES {
            told.push(Tell::Part(Box::new(reply(std::mem::take(&mut part)))));
            bytes = 0;
        }
    }
    told.push(Tell::Done(Box::new(reply(part))));
    told
}

/// The parts heard so far and one more, or the last.
pub(crate) fn joined(before: Option<Reply>, next: Reply) -> Result<Reply, Trouble> {
    match (before, next) {
        (None, next) => Ok(next),
        (Some(Reply::Conversations(mut all)), Reply::Conversations(more)) => {
            all.extend(more);
            Ok(Reply::Conversations(all))
        }
        (Some(Reply::People(mut all)), Reply::People(more)) => {
            all.extend(more);
            Ok(Reply::People(all))
        }
        (Some(_), _) => Err(Trouble::odd_answer()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::wire::{self, FRAME_BYTES_MAX};
    use crate::names::tests::{conversation_of, person};

    fn crossed(reply: Reply) -> (usize, Reply) {
        let mut heard = None;
        let told = told(reply);
        for tell in &told {
            let frame = wire::frame(tell);
            assert!(frame.len() - 4 <= FRAME_BYTES_MAX);
            let (Tell::Part(next) | Tell::Done(next)) = wire::read::<Tell>(&mut frame.as_slice()).unwrap()
            else {
                panic!("something else was told")
            };
            heard = Some(joined(heard, *next).unwrap_or_else(|trouble| panic!("{}", trouble.en)));
        }
        (told.len(), heard.unwrap())
    }

    /// Anybody may found groups of everybody: the list of them still comes through, and each can be left.
    #[test]
    fn groups_of_everybody_cross_the_socket() {
        let everybody: Vec<u64> = (1 << 60..(1 << 60) + 1000).collect();
        let all: Vec<_> = (0..900).map(|number| conversation_of(number, Some("x"), &everybody)).collect();
        let whole = wire::frame(&Tell::Done(Box::new(Reply::Conversations(all.clone()))));
        assert!(whole.len() > FRAME_BYTES_MAX, "in one frame they would not");
        let (parts, Reply::Conversations(heard)) = crossed(Reply::Conversations(all)) else { panic!() };
        assert!(parts > 1);
        assert_eq!(heard.iter().map(|one| one.number).collect::<Vec<_>>(), (0..900).collect::<Vec<_>>());
        assert!(heard.iter().all(|one| one.members.len() == 1000));
    }

    #[test]
    fn a_hundred_thousand_people_do_too() {
        let all: Vec<_> = (0..100_000).map(|id| person(id, "anna", "Анна Петрова")).collect();
        let (parts, Reply::People(heard)) = crossed(Reply::People(all)) else { panic!() };
        assert!(parts > 1 && heard.len() == 100_000 && heard[99_999].person.0 == 99_999);
        assert_eq!(crossed(Reply::People(Vec::new())).0, 1, "a short list is one frame");
        assert!(joined(Some(Reply::Nothing), Reply::People(Vec::new())).is_err());
    }
}
