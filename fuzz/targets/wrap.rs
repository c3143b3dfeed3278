//! A wrap's chunk is judged by its root alone: the root that it implies is the only one it stands under.
#![no_main]

use journal::act::WrapClaim;
use journal::{Commitment, ConversationId, LogId, MembershipHead, ReservationId};
use libfuzzer_sys::fuzz_target;
use pki::Suite;
use protocol::seal::wrap_chunk::WrapChunk;
use protocol::seal::wraps::{EpochPlace, HistoryPlace};

fuzz_target!(|bytes: &[u8]| {
    let Some(([index, count], bytes)) = bytes.split_first_chunk::<2>() else { return };
    let Ok(chunk) = WrapChunk::parse(bytes, (*index).into(), (*count).into()) else { return };
    let mut claim =
        WrapClaim { reservation: ReservationId([0; 16]), root: chunk.implied_root(), count: (*count).into() };
    assert!(WrapChunk::check(bytes, (*index).into(), &claim).is_ok());
    claim.root[0] ^= 1;
    assert!(WrapChunk::check(bytes, (*index).into(), &claim).is_err());
    let anna = fuzz::site().person("anna");
    let own = (anna.agreement_certificate.id(), &anna.agreement);
    let (log, conversation) = (LogId([1; 32]), ConversationId([2; 32]));
    let place = EpochPlace { log, conversation, epoch: 1, membership: MembershipHead([3; 32]) };
    let _ = chunk.open_epoch(Suite::Ed25519, &place, own, &Commitment([4; 32]));
    let history = HistoryPlace { log, conversation, from_epoch: 1, to_epoch: 2 };
    let expected = [Commitment([4; 32]), Commitment([5; 32])];
    let _ = chunk.open_history(Suite::Ed25519, &history, own, &expected);
});
