//! What may cross between the network and the core, as bytes: the later process border is only a pipe.
//! Never lets the network claim what only the core's own helpers know: a commit, a right password, the time.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use pki::canonical::{self, NotCanonical};
use protocol::io::{Cargo, EraseItem, Input, Output, SessionId};

/// From the core to the network.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub(crate) enum ToDriver {
    /// See [`Output::Send`].
    #[n(1)]
    Send(#[n(0)] Vec<SessionId>, #[n(1)] ByteVec),
    /// See [`Output::End`].
    #[n(2)]
    End(#[n(0)] SessionId),
    /// See [`Output::Pause`].
    #[n(3)]
    Pause(#[n(0)] SessionId),
    /// See [`Output::Resume`].
    #[n(4)]
    Resume(#[n(0)] SessionId),
    /// See [`Output::Carry`].
    #[n(5)]
    Carry(#[n(0)] Vec<SessionId>, #[n(1)] ByteVec, #[n(2)] Cargo),
    /// See [`Output::Forget`].
    #[n(6)]
    Forget(#[n(0)] u64, #[n(1)] Vec<EraseItem>),
    /// See [`Output::Cut`].
    #[n(7)]
    Cut(#[n(0)] SessionId),
}

/// What the core has to do with an output.
pub(crate) enum Task {
    /// The network's: encoded already.
    Network(Vec<u8>),
    /// One of the core's own helpers'.
    Own(Output),
}

/// Sorts an output by who does it.
pub(crate) fn task(output: Output) -> Task {
    let to_driver = match output {
        Output::Send(sessions, bytes) => ToDriver::Send(sessions, bytes),
        Output::End(session) => ToDriver::End(session),
        Output::Pause(session) => ToDriver::Pause(session),
        Output::Resume(session) => ToDriver::Resume(session),
        Output::Carry(sessions, bytes, cargo) => ToDriver::Carry(sessions, bytes, cargo),
        Output::Forget(number, items) => ToDriver::Forget(number, items),
        Output::Cut(session) => ToDriver::Cut(session),
        own @ (Output::CheckPassword(_)
        | Output::MakeVerifier(_)
        | Output::Commit(_)
        | Output::Read(..)
        | Output::Copy(..)
        | Output::DrawPeriodKey
        | Output::Stopped
        | Output::Halt(_)) => return Task::Own(own),
    };
    Task::Network(canonical::encode(&to_driver))
}

/// Why bytes of the network were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadMessage {
    /// No input at all.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// An input that is not the network's to give.
    #[error("the network gave an input that is not its own")]
    NotItsOwn,
}

/// Reads what the network sent.
pub(crate) fn from_driver(bytes: &[u8]) -> Result<Input, BadMessage> {
    match canonical::decode(bytes)? {
        input @ (Input::Connected(_)
        | Input::Received(..)
        | Input::Closed(_)
        | Input::Drained(..)
        | Input::Forgotten(..)) => Ok(input),
        Input::PasswordChecked(..)
        | Input::VerifierMade(..)
        | Input::Committed(_)
        | Input::ReadDone(..)
        | Input::Copied(..)
        | Input::CopyReleased(_)
        | Input::NewestBackup(_)
        | Input::BackupBehind(_)
        | Input::Cells(_)
        | Input::ErasureWaits(_)
        | Input::ErasureDone(..)
        | Input::BodiesLost
        | Input::PeriodKey(_)
        | Input::Wake
        | Input::Stop
        | Input::Room(..) => Err(BadMessage::NotItsOwn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_cannot_claim_what_is_not_its_own() {
        let good = Input::Received(3, vec![1, 2].into());
        assert_eq!(from_driver(&canonical::encode(&good)).unwrap(), good);
        for forged in
            [Input::Committed(1), Input::PasswordChecked(1, true), Input::ErasureDone(1, 2), Input::Stop]
        {
            assert!(matches!(from_driver(&canonical::encode(&forged)), Err(BadMessage::NotItsOwn)));
        }
        assert!(matches!(from_driver(&[0xff]), Err(BadMessage::NotCanonical(_))));
    }

    #[test]
    fn outputs_go_where_they_are_done() {
        let Task::Network(bytes) = task(Output::Send(vec![1, 2], vec![9].into())) else {
            panic!("not the network's")
        };
        assert_eq!(
            canonical::decode::<ToDriver>(&bytes).unwrap(),
            ToDriver::Send(vec![1, 2], vec![9].into())
        );
        assert!(matches!(task(Output::Stopped), Task::Own(Output::Stopped)));
    }
}
