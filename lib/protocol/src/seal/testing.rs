//! Randomness and places of this folder's own tests.

use journal::{Chain, ConversationId, LogId, ReservationId};
use pki::PersonId;
use sha2::{Digest, Sha256};

use super::keys::{ChunkPlace, TextPlace};

/// A counter under SHA-256: the same seed, the same bytes.
pub(crate) struct Rng {
    seed: [u8; 32],
    count: u64,
}

impl Rng {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seed: Sha256::digest(seed.to_be_bytes()).into(), count: 0 }
    }
}

impl rand_core::TryRng for Rng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            self.count += 1;
            let block =
                Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng {}

pub(crate) fn text_place() -> TextPlace {
    TextPlace {
        log: LogId([0x11; 32]),
        conversation: ConversationId([0x22; 32]),
        epoch: 3,
        signer: PersonId(0x0102_0304_0506_0708),
        chain: Chain([0x33; 32]),
        sequence: 5,
    }
}

pub(crate) fn chunk_place() -> ChunkPlace {
    ChunkPlace {
        log: LogId([0x11; 32]),
        conversation: ConversationId([0x22; 32]),
        reservation: ReservationId([0x44; 16]),
        number: 1,
    }
}

/// Gives the bytes it was told to give, and no more.
pub(crate) struct Given(pub(crate) Vec<u8>);

impl rand_core::TryRng for Given {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Given {}
