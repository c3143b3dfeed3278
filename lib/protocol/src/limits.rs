//! Every limit of the protocol by name. What can grow has its number here, or in `journal` where a rule judges by it.
//! What must hold between them stands at the end, and a build in which it does not hold fails; what must hold between
//! these and the store's is in `server/agreement.rs`.

use crate::bundle::ACTS_MAX;
use crate::seal::body::OVERHEAD_BYTES;
use journal::act::SizeClass;
use journal::act::office::SUBMIT_ACTS_MAX;
use journal::entry::ENTRY_BYTES_MAX;
use journal::register::EVIDENCE_BYTES_MAX;

/// Largest frame from a peer that has not logged in, bytes (a Login with its sealed password).
pub const FRAME_BYTES_BEFORE_LOGIN: usize = 16 * 1024;
/// Largest frame, bytes: a chunk's body and its envelope fit.
pub const FRAME_BYTES_MAX: usize = 512 * 1024;
/// Largest body that comes beside a statement or as a chunk, bytes.
pub const BODY_BYTES_MAX: usize = 300 * 1024;
/// Longest password, bytes of UTF-8.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// Requests of one session that wait for an answer.
pub const REQUESTS_MAX: usize = 256;
/// Bytes queued towards one session before pushes to it stop and it is told that it lags.
pub const OUTSTANDING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Entries in one batch, above which admission waits for the next; one Submit may pass it.
pub const BATCH_ENTRIES_MAX: usize = 4096 + 2;
/// Bytes of entries and bodies in one batch, above which admission waits for the next.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Entries in one answer to a query.
pub const ANSWER_ENTRIES_MAX: usize = 256;
/// Bytes in one answer, about: the entry that passes it is the last.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Messages looked through for one page of conversations, about: the conversation that passes it is the last.
pub const ANSWER_ROWS_MAX: usize = 16 * 1024;
/// Messages behind a reader's cursor that are looked through for unread ones.
pub const UNREAD_MAX: usize = 999;
/// People in one page of the directory.
pub const ANSWER_PEOPLE_MAX: usize = 256;
/// Entries asked for by their indices at once.
pub const ENTRIES_AT_MAX: usize = 128;
/// KeyRolls in a Welcome, the newest: those of almost three years. A certificate of a terminal that was away for longer
/// has run out; a terminal that comes for the first time needs only the newest.
pub const KEY_ROLLS_MAX: usize = 1024;
/// Heads that are proven to be of one log at once.
pub const LINE_SIZES_MAX: usize = 66;
/// Certificates asked for at once.
pub const CERTIFICATES_MAX: usize = 64;
/// Acts of the authority that one session may stage for a Submit, bytes in all.
pub const STAGED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Sessions that one certificate may have open at once (one live, one that is about to replace it).
pub const SESSIONS_PER_CERTIFICATE: usize = 2;
/// Sessions in all.
pub const SESSIONS_MAX: usize = 4096;
/// Time from connection to Login before the session is ended, milliseconds.
pub const LOGIN_TIMEOUT_MS: u64 = 30_000;
/// Failed logins of one certificate in a minute that get an entry each; further ones are summarised.
pub const FAILED_LOGINS_PER_MINUTE: u32 = 10;
/// Password checks (Argon2id) at once.
pub const PASSWORD_CHECKS_MAX: usize = 2;
/// Password checks that wait; beyond them a Login is refused as busy.
pub const PASSWORD_CHECKS_WAITING_MAX: usize = 256;
/// Unread stream bytes of one session that the engine keeps while it waits for something; the driver was told to pause
/// long before.
pub const INPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Unread stream bytes of one waiting session above which the driver is told to pause.
pub const INPUT_BYTES_PAUSE: usize = FRAME_BYTES_MAX;
/// Answers of one session that wait for `Output::Read`.
pub const READS_PER_SESSION: usize = 8;
/// Bytes of a store that one question of a backup asks for, at most.
pub const COPY_BYTES_MAX: usize = 256 * 1024;
/// Statements of one chain whose receipts the engine can give again: a terminal leaves no more of them unanswered.
pub const UNANSWERED_MAX: usize = 64;
/// Ended chains whose last receipts are kept.
pub const ENDED_CHAINS_MAX: usize = 8192;
/// Bytes of the newest entries that are kept in memory.
pub const RECENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes in one Deliver frame, about: the entry that passes it goes into the next.
pub const DELIVER_BYTES_MAX: usize = ANSWER_BYTES_MAX;
/// Entries in one Deliver frame.
pub const DELIVER_ENTRIES_MAX: usize = ANSWER_ENTRIES_MAX;
/// Bytes of entries and bodies that were pushed to a terminal and wait to be looked at. More is dropped, and asked for
/// again.
pub const INBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest sealed password, bytes.
pub const SEALED_PASSWORD_BYTES_MAX: usize = PASSWORD_BYTES_MAX + 128;
/// What an entry takes in a frame beside its own bytes and its body, at most: index, its share of the proof (40 hashes for one that stands alone),
/// heads of CBOR.
pub const AROUND_ENTRY_BYTES: usize = 40 * 34 + 64;
/// Chunks that are read at once when what a reservation holds is found out again after a start.
pub const REBUILD_CHUNKS: u32 = 16;
/// A difference between wall clock and boot clock that is recorded, milliseconds.
pub const CLOCK_STEP_MS: u64 = 60_000;
/// Certificates whose failed logins are counted apart; the rest are counted together.
pub const FAILING_CERTIFICATES_MAX: usize = 1024;
/// Second texts under one number that are kept as evidence: one of each certificate in so long a time.
pub const EVIDENCE_EVERY_MS: u64 = 24 * 3_600_000;
/// Entries with which a batch no longer waits for input that is at hand already.
pub const ENTRIES_TOGETHER: usize = 48;
/// Inputs for which a batch waits at most.
pub const INPUTS_TOGETHER_MAX: usize = 64;
/// What the device puts around each entry, at most, bytes: seal, row, stamp.
pub const AROUND_STORED_BYTES: usize = 128;
/// Longest sealed verifier of an envelope, bytes: four of them and the person's own fit the store's record.
pub const SEALED_VERIFIER_BYTES_MAX: usize = 200;
/// What one session takes off its stream for one input, in turns; then others are heard.
pub const TURN_COST_MAX: usize = 128;
/// Turns that a question costs; an act or a chunk costs one.
pub const ASK_COST: usize = 8;
/// What a stored chunk takes on the device beside its padded text, about, bytes: salt, commitment, seals, its leaf key.
pub const AROUND_CHUNK_BYTES: u64 = 512;
/// The part of the device that files leave to texts beside the reserve: one in so many.
pub const TEXTS_SHARE: u64 = 16;

/// What a statement's entry adds around the statement and its signature, bytes, with room to spare: an alarm must hold
/// both as evidence, or a peer could make us claim what the Register refuses.
pub const AROUND_STATEMENT_BYTES: usize = 5 * 1024;

/// Room for what stands around the largest part of a frame: kind, request, lengths.
const AROUND_FRAME_BYTES: usize = 256;

/// Bytes of a body of this class.
const fn body_bytes(class: SizeClass) -> usize {
    class.bytes() as usize + OVERHEAD_BYTES
}

const _: () = {
    // Whatever the rules admit has a frame that carries it, with its body, on its way in and on its way out.
    assert!(FRAME_BYTES_MAX >= ENTRY_BYTES_MAX + BODY_BYTES_MAX + AROUND_ENTRY_BYTES + AROUND_FRAME_BYTES);
    assert!(BODY_BYTES_MAX >= body_bytes(SizeClass::CHUNK_MAX));
    assert!(BODY_BYTES_MAX >= body_bytes(SizeClass::TEXT_MAX));
    // An answer and a delivery end with the entry that passes their bound.
    let last = ENTRY_BYTES_MAX + body_bytes(SizeClass::TEXT_MAX) + AROUND_ENTRY_BYTES + AROUND_FRAME_BYTES;
    assert!(FRAME_BYTES_MAX >= ANSWER_BYTES_MAX + last);
    assert!(FRAME_BYTES_MAX >= DELIVER_BYTES_MAX + last);
    assert!(FRAME_BYTES_MAX >= COPY_BYTES_MAX + AROUND_FRAME_BYTES);
    // A frame that is full by its bytes is not over its number of entries; one frame fits whatever waits.
    assert!(DELIVER_BYTES_MAX / AROUND_ENTRY_BYTES < DELIVER_ENTRIES_MAX);
    assert!(INBOX_BYTES_MAX >= OUTSTANDING_BYTES_MAX + FRAME_BYTES_MAX);
    // Before the Login there is room for a Login.
    assert!(FRAME_BYTES_BEFORE_LOGIN >= SEALED_PASSWORD_BYTES_MAX + 4096);
    assert!(SEALED_PASSWORD_BYTES_MAX > PASSWORD_BYTES_MAX);
    // A statement that is let in can be kept as evidence, and both as an entry.
    assert!(ENTRY_BYTES_MAX - AROUND_STATEMENT_BYTES <= EVIDENCE_BYTES_MAX);
    assert!(EVIDENCE_BYTES_MAX + 1024 <= ENTRY_BYTES_MAX);
    // One Submit, its acts and a Tick are one batch; a bundle holds what one Submit takes in.
    assert!(BATCH_ENTRIES_MAX > SUBMIT_ACTS_MAX as usize + 1);
    assert!(ACTS_MAX as u64 == SUBMIT_ACTS_MAX);
    // A session that waits may have one whole frame here, and more may be on its way when it is told to pause.
    assert!(INPUT_BYTES_PAUSE >= FRAME_BYTES_MAX && INPUT_BYTES_MAX >= 4 * INPUT_BYTES_PAUSE);
    assert!(OUTSTANDING_BYTES_MAX >= 2 * FRAME_BYTES_MAX);
    // What is kept in memory holds at least what one batch brings.
    assert!(RECENT_BYTES_MAX >= BATCH_BYTES_MAX && BATCH_BYTES_MAX >= FRAME_BYTES_MAX);
    assert!(TURN_COST_MAX >= ASK_COST);
};
/// A newest commit without a cosignature for so long is told to officers, where the policy wants a witness.
pub const WITNESS_SILENT_MS: u64 = 60_000;
