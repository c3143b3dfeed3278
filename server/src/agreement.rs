//! Where the limits of all rooms must agree: the protocol's and the journal's, the store's, the daemon's own.
//! Never a limit itself: what must hold between them is asserted here, at build where it can be, else at start.

use crate::limits::{
    CONNECTIONS_MAX, HANDSHAKE_GRACE, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HANDSHAKES_PER_SOURCE,
};
use crate::verifiers::{ENVELOPES_MAX, OWN_BYTES_MAX, ROW_BYTES};
use journal::entry::ENTRY_BYTES_MAX;
use protocol::engine::StoreLimits;
use protocol::limits::{AROUND_STORED_BYTES, BATCH_BYTES_MAX, BODY_BYTES_MAX, SEALED_VERIFIER_BYTES_MAX};

const _: () = {
    // A person's record with all that it may hold fits the store's.
    assert!(
        disk::VERIFIER_BYTES_MAX >= ENVELOPES_MAX * (SEALED_VERIFIER_BYTES_MAX + ROW_BYTES) + OWN_BYTES_MAX
    );
    // Handshakes never take so much that connections have to wait for them.
    assert!(HANDSHAKES_MAX < CONNECTIONS_MAX && HANDSHAKES_PER_SOURCE < HANDSHAKES_MAX);
    assert!(HANDSHAKE_GRACE.as_millis() < HANDSHAKE_TIMEOUT.as_millis());
};

/// Whether the store takes whatever the engine may put into one batch. Says what it does not take.
pub(crate) fn check(store: &StoreLimits) -> Result<(), &'static str> {
    let entry = ENTRY_BYTES_MAX + AROUND_STORED_BYTES;
    let vault = vault::Limits::default();
    if store.journal_bytes_max / 3 < entry {
        Err("its extents are too small for an entry and a Submit")
    } else if store.batch_bytes_max < BODY_BYTES_MAX + ENTRY_BYTES_MAX
        || store.batch_bytes_max > BATCH_BYTES_MAX
    {
        Err("its batches are too small for a body, or larger than the engine's")
    } else if vault.body_bytes_max < BODY_BYTES_MAX || vault.targets_max < crate::erasure::TARGETS_MAX {
        Err("the vault takes smaller bodies or fewer erasures at once than the engine gives")
    } else if store.kept_bytes == 0
        || store.kept_bytes >= store.end_bytes
        || store.end_bytes > store.last_bytes
        || store.last_bytes >= store.reserve_bytes
    {
        Err("it has no reserve")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::writer::Room;
    use disk::{Geometry, Space};
    use protocol::limits::SESSIONS_PER_CERTIFICATE;

    #[test]
    fn stores_of_every_size_take_what_the_engine_gives() {
        let sizes = (0..40).map(|n| (16_u64 << 20) + n * (7 << 20) + 4096 * n);
        for store_bytes in sizes.chain([1 << 30, 100 << 30, 4 << 40]) {
            let Geometry { extent_bytes, extents, reserve } = Geometry::for_length(store_bytes).unwrap();
            let room = Room { store_bytes, extent_bytes: extent_bytes.into() };
            let limits = room.limits(&Space { extents, free: extents, reserve });
            assert_eq!(check(&limits), Ok(()), "{store_bytes}: {limits:?}");
            assert!(limits.reserve_bytes < store_bytes, "{store_bytes}: something is left for messages");
        }
    }

    #[test]
    fn a_store_that_is_too_small_is_told() {
        let good = StoreLimits {
            batch_bytes_max: BATCH_BYTES_MAX,
            journal_bytes_max: 1 << 20,
            reserve_bytes: 4,
            extent_bytes: 0,
            last_bytes: 3,
            end_bytes: 2,
            kept_bytes: 1,
            people_max: 1,
        };
        assert_eq!(check(&good), Ok(()));
        assert!(check(&StoreLimits { journal_bytes_max: 100_000, ..good }).is_err());
        assert!(check(&StoreLimits { batch_bytes_max: BODY_BYTES_MAX, ..good }).is_err());
        assert!(check(&StoreLimits { last_bytes: 4, ..good }).is_err());
    }

    #[test]
    fn the_defaults_are_the_protocols() {
        let Limits { connections, connections_per_certificate, .. } = Limits::default();
        assert_eq!((connections, connections_per_certificate), (CONNECTIONS_MAX, SESSIONS_PER_CERTIFICATE));
    }
}
