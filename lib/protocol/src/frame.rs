//! What travels on the one stream of a session: frames `length (u32, big-endian) ‖ canonical CBOR`.
//! Frames are read whole into types; nothing acts on them here.

mod coding;

pub use coding::{BadFrame, Decoder, decode_to_core, decode_to_terminal, encode};

use journal::ids::{ConversationId, Hash, Index, LogId, ReservationId};
use journal::multiproof::MultiProof;
use journal::statement::SignedStatement;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, PersonId};

use crate::answer::Answer;
use crate::query::Query;

/// The application protocol of TLS (ALPN).
pub const ALPN: &[u8] = b"conclave/1";
/// Label of the TLS exporter (RFC 8446 7.5) that a Login binds; 32 bytes, empty context.
pub const EXPORTER_LABEL: &[u8] = b"EXPERIMENTAL conclave login 1";

/// From a terminal to the core.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum ToCore {
    /// The first frame: who comes. Answered by `Welcome` or `Refused` with request 0.
    #[n(1)]
    Login(#[n(0)] LoginFrame),
    /// An act. Answered by `Receipt` or `Refused`.
    #[n(2)]
    Submit(#[n(0)] SubmitFrame),
    /// A body for an open reservation. Answered by `Stored` or `Refused`.
    #[n(3)]
    PutChunk(#[n(0)] PutChunk),
    /// A question. Answered by `Answer` or `Refused`.
    #[n(4)]
    Ask(#[n(0)] Ask),
    /// Acts of the authority for the Submit frame that comes next; not answered.
    #[n(5)]
    Stage(#[n(0)] Stage),
}

/// See [`ToCore::Login`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LoginFrame {
    /// The Login.
    #[n(0)]
    pub statement: SignedStatement,
    /// The password, HPKE-sealed to the core: info [`PASSWORD_INFO`], associated data the Login's StatementId.
    #[n(1)]
    pub password: ByteVec,
}

/// HPKE info of sealed passwords.
pub const PASSWORD_INFO: &[u8] = b"conclave/1 password";
/// HPKE info of sealed password verifiers in a bundle; associated data: person (u64 BE) ‖ envelope number (u64 BE).
pub const VERIFIER_INFO: &[u8] = b"conclave/1 verifier";

/// See [`ToCore::Submit`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SubmitFrame {
    /// The terminal's number for the answer; not 0.
    #[n(0)]
    pub request: u32,
    /// The act.
    #[n(1)]
    pub statement: SignedStatement,
    /// The body that belongs to it (Message, Title).
    #[n(2)]
    pub body: Option<ByteVec>,
    /// The new password of a SetPassword, sealed like the Login's.
    #[n(3)]
    pub password: Option<ByteVec>,
}

/// See [`ToCore::PutChunk`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct PutChunk {
    /// The terminal's number for the answer; not 0.
    #[n(0)]
    pub request: u32,
    /// The reservation, the terminal's own.
    #[n(1)]
    pub reservation: ReservationId,
    /// Which chunk of it.
    #[n(2)]
    pub chunk: u32,
    /// Its bytes.
    #[n(3)]
    pub body: ByteVec,
}

/// See [`ToCore::Ask`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Ask {
    /// The terminal's number for the answer; not 0.
    #[n(0)]
    pub request: u32,
    /// What.
    #[n(1)]
    pub query: Query,
}

/// See [`ToCore::Stage`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Stage {
    /// Acts of the authority, in the order of its chain.
    #[n(0)]
    pub acts: Vec<SignedStatement>,
    /// Verifiers of the one-time passwords of envelopes among the acts.
    #[n(1)]
    pub verifiers: Vec<SealedVerifier>,
}

impl Stage {
    /// What it counts for towards [`STAGED_BYTES_MAX`](crate::limits::STAGED_BYTES_MAX).
    pub fn bytes(&self) -> usize {
        let verifiers = self.verifiers.iter().map(|one| Self::verifier_bytes(one.sealed.len()));
        self.acts.iter().map(Self::act_bytes).chain(verifiers).sum()
    }

    /// What an act counts for, bytes.
    pub fn act_bytes(act: &SignedStatement) -> usize {
        act.statement.len() + act.signature.len() + AROUND_STAGED_BYTES
    }

    /// What a verifier of so many sealed bytes counts for.
    pub fn verifier_bytes(sealed: usize) -> usize {
        sealed + AROUND_STAGED_BYTES
    }
}

/// What an act or a verifier counts for beside its bytes.
const AROUND_STAGED_BYTES: usize = 64;

/// A password verifier on its way from the authority to the core.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SealedVerifier {
    /// Of whom.
    #[n(0)]
    pub person: PersonId,
    /// Of which envelope.
    #[n(1)]
    pub envelope: u64,
    /// An Argon2id PHC string, HPKE-sealed to the core with [`VERIFIER_INFO`].
    #[n(2)]
    pub sealed: ByteVec,
}

/// From the core to a terminal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum ToTerminal {
    /// The first frame: which log this is.
    #[n(1)]
    Hello(#[n(0)] Hello),
    /// The Login was admitted.
    #[n(2)]
    Welcome(#[n(0)] Welcome),
    /// Something was not done; a code without hints.
    #[n(3)]
    Refused(#[n(0)] Refused),
    /// An act is admitted and durable.
    #[n(4)]
    Receipt(#[n(0)] ReceiptFrame),
    /// A chunk is durable.
    #[n(5)]
    Stored(#[n(0)] Stored),
    /// Answer to a question.
    #[n(6)]
    Answer(#[n(0)] AnswerFrame),
    /// New entries that concern this person, pushed.
    #[n(7)]
    Deliver(#[n(0)] Deliver),
    /// Pushes had stopped because the terminal did not keep up, and go on now; or some were given up on their way: it asks for
    /// what it misses.
    #[n(8)]
    Lagging(#[n(0)] Lagging),
    /// The session ends; nothing follows.
    #[n(9)]
    Ended(#[n(0)] Ended),
}

/// See [`ToTerminal::Hello`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Hello {
    /// Which log.
    #[n(0)]
    pub log: LogId,
    /// Fresh, for the Login.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// The core's agreement certificate, DER: role core, verified by path like any other.
    #[n(2)]
    pub core: ByteVec,
    /// By the log identity key over [`Hello::signed_bytes`].
    #[n(3)]
    pub signature: ByteVec,
    /// Where the log went on without entries that were lost. It proves itself, so the signature need not cover it.
    #[n(4)]
    pub successions: Option<Successions>,
}

/// The successions of a log, with all that proves who signed them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Successions {
    /// The log's first entry: its id is the log id.
    #[n(0)]
    pub genesis: SignedStatement,
    /// Certificates of the first officers, DER.
    #[n(1)]
    pub certificates: Vec<ByteVec>,
    /// The officers' statements, ascending.
    #[n(2)]
    pub entries: Vec<Delivered>,
}

impl Hello {
    /// Context ‖ log ‖ nonce ‖ SHA-256 of the core's certificate ‖ TLS exporter value.
    pub fn signed_bytes(log: LogId, nonce: &[u8; 32], core: CertId, exporter: &[u8; 32]) -> Vec<u8> {
        let mut bytes = journal::statement::context_prefix("hello");
        bytes.extend_from_slice(&log.0);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(&core.0);
        bytes.extend_from_slice(exporter);
        bytes
    }
}

/// See [`ToTerminal::Welcome`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Welcome {
    /// Where the Login stands, with proof: its leaf hash is the chain.
    #[n(0)]
    pub login: ReceiptFrame,
    /// From the head that the Login named to the receipt's checkpoint; empty when that head was of size 0.
    #[n(1)]
    pub consistency: Vec<Digest>,
    /// KeyRolls from the one in force at the head that the Login named, the newest [`KEY_ROLLS_MAX`] of them.
    ///
    /// [`KEY_ROLLS_MAX`]: crate::limits::KEY_ROLLS_MAX
    #[n(2)]
    pub key_rolls: Vec<Delivered>,
    /// That the last of these is in the receipt's checkpoint: each is signed by the one before it.
    #[n(3)]
    pub key_rolls_proof: MultiProof,
    /// Only SetPassword and Logout are admitted until the password is new.
    #[n(4)]
    pub must_set_password: bool,
    /// That the entries of the greeting's successions are in the receipt's checkpoint.
    #[n(5)]
    pub successions_proof: Option<MultiProof>,
}

/// A SHA-256 value inside a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct Digest(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub Hash,
);

/// See [`ToTerminal::Refused`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Refused {
    /// Which request; 0 for the Login.
    #[n(0)]
    pub request: u32,
    /// A code of `journal::Refusal` or of [`crate::code::Code`].
    #[n(1)]
    pub code: u16,
}

/// See [`ToTerminal::Receipt`]. The terminal rebuilds the entry from the stamps and its own statement, so the leaf hash
/// is its own reckoning.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ReceiptFrame {
    /// Which request; 0 in a Welcome.
    #[n(0)]
    pub request: u32,
    /// Where the entry stands.
    #[n(1)]
    pub index: Index,
    /// Its stamp.
    #[n(2)]
    pub wall_ms: u64,
    /// Its stamp.
    #[n(3)]
    pub boot_ms: u64,
    /// Inclusion proof (RFC 9162 2.1.3) of the entry in the checkpoint.
    #[n(4)]
    pub proof: Vec<Digest>,
    /// The signed note of the checkpoint.
    #[n(5)]
    pub note: ByteVec,
}

/// See [`ToTerminal::Stored`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Stored {
    /// Which request.
    #[n(0)]
    pub request: u32,
}

/// See [`ToTerminal::Answer`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AnswerFrame {
    /// Which request.
    #[n(0)]
    pub request: u32,
    /// The answer.
    #[n(1)]
    pub answer: Answer,
}

/// See [`ToTerminal::Deliver`]. The same bytes go to every receiver of a batch, the signer among them (his receipt
/// follows). Entries of one conversation come in order; those of different conversations may overtake each other.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Deliver {
    /// The signed note that the proof refers to.
    #[n(0)]
    pub note: ByteVec,
    /// Entries, ascending.
    #[n(1)]
    pub entries: Vec<Delivered>,
    /// That all of them are in the note's checkpoint: neighbours share it, so that it costs them little.
    #[n(2)]
    pub proof: MultiProof,
}

/// An entry, and its body where it has one that was not erased. Its proof stands beside it, with those around it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Delivered {
    /// Where it stands.
    #[n(0)]
    pub index: Index,
    /// The entry's bytes.
    #[n(1)]
    pub entry: ByteVec,
    /// The body (Message, Title).
    #[n(2)]
    pub body: Option<ByteVec>,
    /// The `Erase` because of which there is no body: the terminal asks for it (`Query::Entries`) and checks its right.
    #[n(3)]
    pub erased_by: Option<Index>,
}

/// See [`ToTerminal::Lagging`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Lagging {
    /// Entries at or above this index and below what is pushed from now on may not have been pushed.
    #[n(0)]
    pub since: Index,
}

/// See [`ToTerminal::Ended`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Ended {
    /// Why: a code of [`crate::code::Code`] or of `journal::Refusal`.
    #[n(0)]
    pub code: u16,
}

/// Conversation and index together, as several queries need them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct At {
    /// Which conversation.
    #[n(0)]
    pub conversation: ConversationId,
    /// Which entry.
    #[n(1)]
    pub index: Index,
}
