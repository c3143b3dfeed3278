//! A disclosed message: a file by which a third party reads one message and proves who wrote it, where and when, without
//! the appliance, without the conversation's key, and without any other message.
//! Never holds an epoch's key, and never proves more than it says: not that the rest was not said, nor that a person
//! typed it. Whether a certificate was revoked before is the log's word: it admits nothing of who was.
//!
//! ```text
//! -----BEGIN CONCLAVE DISCLOSURE-----
//! base64 of canonical [1, message, conversation, record, body, key, [certificate…], [authority…]]
//! -----END CONCLAVE DISCLOSURE-----
//! message, conversation, record   receipts (C2SP tlog-proof) with the entry inside: the Message, its conversation's
//!                                 Create, and the Disclose that the journal holds of this very file
//! body, key                       the sealed body as it is stored, and the one key that opens it and nothing else
//! certificates, authorities       DER: of the author and of who disclosed; those between them and the root
//! ```

use crate::seal::body::{BadBody, BodyRef};
use crate::seal::keys::{Address, BodyKey, KEY_BYTES, TextPlace};
use crate::seal::text::MessageText;
use journal::Content;
use journal::act::{Act, Message};
use journal::checkpoint::VerifiedCheckpoint;
use journal::entry::Entry;
use journal::ids::{ConversationId, Index, LogId};
use journal::note::VerifierKey;
use journal::receipt::{RECEIPT_BYTES_MAX, Receipt};
use journal::statement::{Header, Parsed, VerifiedStatement};
use journal::tree::leaf_hash;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, Certificate, KeyUse, Purpose, Question, TrustAnchor, UnixMs, canonical, pem, verify_path};
use zeroize::{Zeroize, Zeroizing};

/// The version that this program writes.
pub const DISCLOSURE_VERSION: u8 = 1;
/// Label of the armour.
pub const LABEL: &str = "CONCLAVE DISCLOSURE";
/// A longer file is refused unread: three receipts, a body and certificates, armoured.
pub const DISCLOSURE_BYTES_MAX: usize = 512 * 1024;
/// Most certificates, and most authorities, in a file.
pub const CERTIFICATES_MAX: usize = 16;

/// Why bytes are no disclosure.
#[derive(Debug, thiserror::Error)]
pub enum BadDisclosure {
    /// More than [`DISCLOSURE_BYTES_MAX`].
    #[error("the file has more than {DISCLOSURE_BYTES_MAX} bytes")]
    TooLong,
    /// No armour, no block of ours, or several.
    #[error("the file holds no disclosed message")]
    Armour,
    /// Not the one encoding.
    #[error("not the one encoding: {0}")]
    NotCanonical(String),
    /// Written by a newer program.
    #[error("disclosure version {0} is newer than this program reads ({DISCLOSURE_VERSION})")]
    Newer(u8),
    /// A receipt does not read or carries no entry; too many certificates.
    #[error("the field {0} is not acceptable")]
    Field(&'static str),
}

/// Why a disclosure that reads proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// A checkpoint in it is not signed by the log that is believed in.
    #[error("a checkpoint is not signed by this log")]
    Note,
    /// An entry is not in the log where the file says.
    #[error("an entry is not in the log where the file says")]
    NotIncluded,
    /// An entry is not what it has to be: a message, its conversation's founding, the record of this disclosure.
    #[error("entry {0} is not what it has to be")]
    OtherEntry(Index),
    /// A certificate is missing, is another person's, or no authority that is believed in vouches for it.
    #[error("no trusted certificate of who signed entry {0}")]
    Certificate(Index),
    /// A signature does not hold.
    #[error("the signature of entry {0} does not hold")]
    Signature(Index),
    /// The body is not the one that the author signed for.
    #[error("the body is not the one that was signed")]
    OtherBody,
    /// The key is not the one that the author sealed it under.
    #[error("the key is another one")]
    OtherKey,
    /// The sealed bytes do not open, or what they hold is no text.
    #[error("the sealed text does not read")]
    Illegible,
}

/// See the module. Well-formed, and not yet believed.
#[derive(PartialEq, Eq)]
pub struct Disclosure {
    /// The message's entry with its proof.
    pub message: Receipt,
    /// The founding of its conversation.
    pub conversation: Receipt,
    /// The record of the disclosure.
    pub record: Receipt,
    /// The sealed body.
    pub body: Vec<u8>,
    /// What opens it.
    pub key: BodyKey,
    /// Certificates of the persons who signed, DER.
    pub certificates: Vec<Vec<u8>>,
    /// Authorities below the root, DER.
    pub authorities: Vec<Vec<u8>>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Framed {
    #[n(0)]
    version: u8,
    #[n(1)]
    message: ByteVec,
    #[n(2)]
    conversation: ByteVec,
    #[n(3)]
    record: ByteVec,
    #[n(4)]
    body: ByteVec,
    #[n(5)]
    key: Key,
    #[n(6)]
    certificates: Vec<ByteVec>,
    #[n(7)]
    authorities: Vec<ByteVec>,
}

#[derive(Encode, Decode)]
#[cbor(transparent)]
struct Key(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; KEY_BYTES],
);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What the reader believes, from a medium of his own.
pub struct Believed<'a> {
    /// The log.
    pub log: LogId,
    /// Its identity key under the name of an era.
    pub identity: &'a dyn Fn(u32) -> VerifierKey,
    /// Root certificates.
    pub roots: &'a [Certificate],
    /// Authorities between; those in the file serve beside them.
    pub issuing: &'a [Certificate],
}

/// What a disclosure proves.
pub struct Disclosed {
    /// The message's entry.
    pub index: Index,
    /// The server's stamp.
    pub wall_ms: u64,
    /// The message as it was signed; its author's own time is in it.
    pub act: Message,
    /// What it says. A file's key is in it: who has this text and the file's chunks can open them.
    pub text: MessageText,
    /// Who wrote it.
    pub author: Certificate,
    /// The conversation's number.
    pub conversation: Index,
    /// The entry that records the disclosure, its stamp, and who disclosed.
    pub record: Index,
    /// See `record`.
    pub recorded_ms: u64,
    /// See `record`.
    pub by: Certificate,
    /// The newest checkpoint in it.
    pub checkpoint: VerifiedCheckpoint,
}

impl Disclosure {
    /// The file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let list = |ders: &[Vec<u8>]| ders.iter().cloned().map(ByteVec::from).collect();
        let receipt = |receipt: &Receipt| ByteVec::from(receipt.to_string().into_bytes());
        let framed = Framed {
            version: DISCLOSURE_VERSION,
            message: receipt(&self.message),
            conversation: receipt(&self.conversation),
            record: receipt(&self.record),
            body: self.body.clone().into(),
            key: Key(*self.key.expose()),
            certificates: list(&self.certificates),
            authorities: list(&self.authorities),
        };
        let bytes = Zeroizing::new(canonical::encode(&framed));
        Zeroizing::new(pem::encode(LABEL, &bytes))
    }

    /// Reads a file whole.
    pub fn parse(file: &[u8]) -> Result<Self, BadDisclosure> {
        if file.len() > DISCLOSURE_BYTES_MAX {
            return Err(BadDisclosure::TooLong);
        }
        let text = std::str::from_utf8(file).map_err(|_| BadDisclosure::Armour)?;
        let blocks = pem::decode(text, LABEL).map_err(|_| BadDisclosure::Armour)?;
        let [block] = <[Vec<u8>; 1]>::try_from(blocks).map_err(|_| BadDisclosure::Armour)?;
        let block = Zeroizing::new(block);
        if let Some(&version) = block.get(1)
            && version > DISCLOSURE_VERSION
            && version < 24
        {
            return Err(BadDisclosure::Newer(version));
        }
        let framed: Framed =
            canonical::decode(&block).map_err(|error| BadDisclosure::NotCanonical(error.to_string()))?;
        if framed.version != DISCLOSURE_VERSION {
            return Err(BadDisclosure::Field("version"));
        }
        if framed.certificates.len().max(framed.authorities.len()) > CERTIFICATES_MAX {
            return Err(BadDisclosure::Field("certificates"));
        }
        let receipt = |bytes: &[u8], field| {
            let fits = bytes.len() <= RECEIPT_BYTES_MAX;
            let read = fits.then(|| Receipt::parse(bytes).ok()).flatten();
            read.filter(|read| !read.extra().is_empty()).ok_or(BadDisclosure::Field(field))
        };
        let list = |ders: &[ByteVec]| ders.iter().map(|der| der.to_vec()).collect();
        Ok(Self {
            message: receipt(&framed.message, "message")?,
            conversation: receipt(&framed.conversation, "conversation")?,
            record: receipt(&framed.record, "record")?,
            body: framed.body.to_vec(),
            key: BodyKey::from_bytes(&framed.key.0),
            certificates: list(&framed.certificates),
            authorities: list(&framed.authorities),
        })
    }

    /// Whether it proves what it says, to a reader who believes this.
    pub fn verify(&self, believed: &Believed<'_>) -> Result<Disclosed, NotProven> {
        let entry = |receipt| believed.statement(receipt, &self.certificates, &self.authorities);
        let (message, record) = (entry(&self.message)?, entry(&self.record)?);
        let founding = Included::of(&self.conversation, believed)?;
        let Act::Message(act) = message.statement.get().act() else {
            return Err(NotProven::OtherEntry(message.index));
        };
        let recorded =
            matches!(record.statement.get().act(), Act::Disclose(of) if of.message == message.index);
        if !recorded {
            return Err(NotProven::OtherEntry(record.index));
        }
        let founded = matches!(founding.parsed.act(), Act::Create(_))
            && ConversationId(founding.parsed.id().0) == act.conversation;
        if !founded {
            return Err(NotProven::OtherEntry(founding.index));
        }
        let text = open(&self.body, &self.key, message.statement.get().header(), act)?;
        let act = act.clone();
        let newest = [message.checkpoint, record.checkpoint].into_iter();
        let newest = newest.max_by_key(|checkpoint| (checkpoint.era(), checkpoint.head().size));
        Ok(Disclosed {
            index: message.index,
            wall_ms: message.wall_ms,
            act,
            text,
            author: message.by,
            conversation: founding.index,
            record: record.index,
            recorded_ms: record.wall_ms,
            by: record.by,
            checkpoint: newest.ok_or(NotProven::Note)?,
        })
    }
}

impl Believed<'_> {
    /// The statement in a receipt: in the log, and signed by whom one of these certificates names. `authorities`: DER of
    /// those that stand between it and a root, beside those that are believed in.
    pub fn statement(
        &self,
        receipt: &Receipt,
        certificates: &[Vec<u8>],
        authorities: &[Vec<u8>],
    ) -> Result<SignedEntry, NotProven> {
        let Included { index, wall_ms, parsed, checkpoint } = Included::of(receipt, self)?;
        let header = parsed.header();
        let named = certificates.iter().find(|der| CertId::of(der) == header.certificate);
        let by = named.and_then(|der| Certificate::parse(der).ok());
        let by = by.filter(|by| by.person() == Some(header.person) && header.log == self.log);
        let by = by.filter(|by| self.vouches(by, authorities, wall_ms));
        let by = by.ok_or(NotProven::Certificate(index))?;
        let key = by.public_key().map_err(|_| NotProven::Certificate(index))?;
        let statement = parsed.verify(&key).map_err(|_| NotProven::Signature(index))?;
        Ok(SignedEntry { index, wall_ms, statement, by, checkpoint })
    }

    /// An authority that is believed in vouches for the certificate, at the time of the signature.
    fn vouches(&self, certificate: &Certificate, authorities: &[Vec<u8>], at_ms: u64) -> bool {
        let brought = authorities.iter().filter_map(|der| Certificate::parse(der).ok());
        let between: Vec<Certificate> = self.issuing.iter().cloned().chain(brought).collect();
        let anchors: Vec<TrustAnchor> = self.roots.iter().cloned().map(TrustAnchor::new).collect();
        let question = Question {
            key_use: Some(KeyUse::DigitalSignature),
            ..Question::new(Purpose::Any, UnixMs(at_ms))
        };
        verify_path(certificate, &between, &anchors, &question).is_ok()
    }
}

/// A statement that stands in the log and whose signature holds.
pub struct SignedEntry {
    /// Where.
    pub index: Index,
    /// The server's stamp.
    pub wall_ms: u64,
    /// What was signed.
    pub statement: VerifiedStatement,
    /// By whom.
    pub by: Certificate,
    /// The checkpoint that covers it.
    pub checkpoint: VerifiedCheckpoint,
}

/// A statement at its place in the log.
struct Included {
    index: Index,
    wall_ms: u64,
    parsed: Parsed,
    checkpoint: VerifiedCheckpoint,
}

impl Included {
    fn of(receipt: &Receipt, believed: &Believed<'_>) -> Result<Self, NotProven> {
        let era = receipt.checkpoint().claimed().origin.era;
        let checkpoint =
            receipt.checkpoint().verify_by(&(believed.identity)(era)).map_err(|_| NotProven::Note)?;
        let (bytes, index) = (receipt.extra(), receipt.proof().index());
        receipt
            .proof()
            .verify(&leaf_hash(bytes), &checkpoint.head().root)
            .map_err(|_| NotProven::NotIncluded)?;
        let other = NotProven::OtherEntry(index);
        let entry = Entry::decode(bytes).map_err(|_| other)?;
        let Content::Statement(signed) = entry.content else { return Err(other) };
        let parsed = signed.parse().map_err(|_| other)?;
        Ok(Self { index, wall_ms: entry.wall_ms, parsed, checkpoint })
    }
}

/// Commitment first: it binds key and text to what was signed; then the key's own commitment and the seal.
fn open(body: &[u8], key: &BodyKey, header: &Header, act: &Message) -> Result<MessageText, NotProven> {
    let parsed = BodyRef::parse(body).map_err(|_| NotProven::OtherBody)?;
    let bound =
        parsed.commitment() == act.commitment && parsed.size() == act.size && parsed.suite() == header.suite;
    if !bound {
        return Err(NotProven::OtherBody);
    }
    let address = Address::message(header.suite, &TextPlace::of(header, act.conversation, act.epoch))
        .map_err(|_| NotProven::Illegible)?;
    let content = parsed.open_disclosed(key, &address).map_err(|bad| match bad {
        BadBody::WrongKey => NotProven::OtherKey,
        BadBody::Length { .. }
        | BadBody::Newer(_)
        | BadBody::NoVersion(_)
        | BadBody::NoSuite(_)
        | BadBody::Unsupported(_)
        | BadBody::WrongSuite { .. }
        | BadBody::Damaged
        | BadBody::Padding(_) => NotProven::Illegible,
    })?;
    MessageText::decode(&content).map_err(|_| NotProven::Illegible)
}
