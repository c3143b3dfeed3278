//! A known attack, carried out: one ChaCha20-Poly1305 ciphertext and tag that open under two keys (Len, Grubbs,
//! Ristenpart: "Partitioning Oracle Attacks", USENIX Security 2021). Two free blocks solve two linear equations.

use super::TAG_BYTES;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use num::U;

/// Numbers modulo 2^130 - 5; slow and plain.
mod num {
    /// Three limbs, lowest first, below 2^130 - 5.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct U(pub [u64; 3]);

    const P: U = U([0xffff_ffff_ffff_fffb, u64::MAX, 3]);

    impl U {
        pub(super) fn le(bytes: &[u8]) -> Self {
            let mut full = [0; 24];
            full[..bytes.len()].copy_from_slice(bytes);
            let limb = |i: usize| u64::from_le_bytes(full[8 * i..8 * i + 8].try_into().unwrap());
            U([limb(0), limb(1), limb(2)]).reduce()
        }
        fn reduce(self) -> Self {
            if self.less(P) { self } else { self.minus(P).reduce() }
        }
        fn less(self, other: Self) -> bool {
            self.0.iter().rev().lt(other.0.iter().rev())
        }
        fn minus(self, other: Self) -> Self {
            let mut borrow = 0;
            U(std::array::from_fn(|i| {
                let (once, first) = self.0[i].overflowing_sub(other.0[i]);
                let (twice, second) = once.overflowing_sub(borrow);
                borrow = u64::from(first || second);
                twice
            }))
        }
        fn plus(self, other: Self) -> Self {
            let mut carry = 0;
            U(std::array::from_fn(|i| {
                let sum = u128::from(self.0[i]) + u128::from(other.0[i]) + carry;
                carry = sum >> 64;
                sum as u64
            }))
        }
        pub(super) fn add(self, other: Self) -> Self {
            self.plus(other).reduce()
        }
        pub(super) fn sub(self, other: Self) -> Self {
            self.plus(P).minus(other).reduce()
        }
        fn bit(self, i: usize) -> bool {
            self.0[i / 64] >> (i % 64) & 1 == 1
        }
        pub(super) fn mul(self, other: Self) -> Self {
            (0..131).rev().fold(U([0; 3]), |sum, i| {
                let doubled = sum.add(sum);
                if other.bit(i) { doubled.add(self) } else { doubled }
            })
        }
        /// x^(p-2): Fermat.
        pub(super) fn inverse(self) -> Self {
            let exponent = P.minus(U([2, 0, 0]));
            (0..131).rev().fold(U([1, 0, 0]), |x, i| {
                let square = x.mul(x);
                if exponent.bit(i) { square.mul(self) } else { square }
            })
        }
    }
}

/// r and s of the one-time authenticator (RFC 8439 2.6): the first 32 bytes of the keystream block before the text.
/// The AEAD hides that block, so they come from the cipher alone.
fn one_time(key: &[u8; 32]) -> (U, u128) {
    let block = chacha_block_zero(key);
    let mut r: [u8; 16] = block[..16].try_into().unwrap();
    for i in [3, 7, 11, 15] {
        r[i] &= 15;
    }
    for i in [4, 8, 12] {
        r[i] &= 252;
    }
    (U::le(&r), u128::from_le_bytes(block[16..32].try_into().unwrap()))
}

/// ChaCha20's block with counter 0 and nonce 0 (RFC 8439 2.3).
fn chacha_block_zero(key: &[u8; 32]) -> [u8; 64] {
    let mut start = [0u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    for (word, bytes) in start[4..12].iter_mut().zip(key.chunks(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap());
    }
    let mut x = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (turn_d, turn_b) in [(16, 12), (8, 7)] {
            x[a] = x[a].wrapping_add(x[b]);
            x[d] = (x[d] ^ x[a]).rotate_left(turn_d);
            x[c] = x[c].wrapping_add(x[d]);
            x[b] = (x[b] ^ x[c]).rotate_left(turn_b);
        }
    };
    for _ in 0..10 {
        for i in 0..4 {
            quarter(i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let mut out = [0; 64];
    for (i, word) in out.chunks_mut(4).enumerate() {
        word.copy_from_slice(&x[i].wrapping_add(start[i]).to_le_bytes());
    }
    out
}

/// The authenticator's input: associated data and ciphertext padded to 16, then both lengths (RFC 8439 2.8).
fn blocks(associated: &[u8], sealed: &[u8]) -> Vec<[u8; 17]> {
    let lengths = [associated.len() as u64, sealed.len() as u64].map(u64::to_le_bytes).concat();
    [associated, sealed, &lengths]
        .iter()
        .flat_map(|part| part.chunks(16))
        .map(|chunk| {
            let mut block = [0; 17];
            block[..chunk.len()].copy_from_slice(chunk);
            block[16] = 1;
            block
        })
        .collect()
}

fn polynomial(r: U, blocks: &[[u8; 17]]) -> U {
    blocks.iter().fold(U([0; 3]), |sum, block| sum.add(U::le(block)).mul(r))
}

fn low128(value: U) -> u128 {
    u128::from(value.0[0]) | u128::from(value.0[1]) << 64
}

/// Padded content of 256 bytes and a tag that both keys accept: the last block is solved for, over guesses of the
/// tag until the solution fits into 128 bits.
pub(super) fn ciphertext_for_both(
    a: &[u8; 32],
    b: &[u8; 32],
    associated: &[u8],
) -> (Vec<u8>, [u8; TAG_BYTES]) {
    let (keys, mut sealed) = ([one_time(a), one_time(b)], vec![0x5a; 256]);
    for guess in 0u128..10_000 {
        let tag = guess.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        sealed[240..].fill(0);
        // With the free block's 2^128 counted in: rest_i + x r_i^2 = tag - s_i (mod p) for both keys.
        let all = blocks(associated, &sealed);
        let [(rest_a, square_a, want_a), (rest_b, square_b, want_b)] =
            keys.map(|(r, s)| (polynomial(r, &all), r.mul(r), U::le(&tag.wrapping_sub(s).to_le_bytes())));
        // Equal x from both lines fixes the tag only up to the choice of a second unknown: block 14 is it.
        let [cube_a, cube_b] = keys.map(|(r, _)| r.mul(r).mul(r));
        let (e, f) = (want_a.sub(rest_a), want_b.sub(rest_b));
        // cube·y + square·x = e, f: Cramer's rule; block 14 is one before the last.
        let det = cube_a.mul(square_b).sub(cube_b.mul(square_a)).inverse();
        let y = e.mul(square_b).sub(f.mul(square_a)).mul(det);
        let x = cube_a.mul(f).sub(cube_b.mul(e)).mul(det);
        // Block 14 has content 0x5a…; y is added to it as a number.
        let y = y.add(U::le(&[0x5a; 16]));
        if x.0[2] == 0 && y.0[2] == 0 {
            sealed[224..240].copy_from_slice(&low128(y).to_le_bytes());
            sealed[240..].copy_from_slice(&low128(x).to_le_bytes());
            let tag = tag.to_le_bytes();
            let cipher = ChaCha20Poly1305::new(&(*a).into());
            let mut check = sealed.clone();
            cipher
                .decrypt_inout_detached(&Default::default(), associated, (&mut check[..]).into(), &tag.into())
                .expect("the forged tag fits the first key");
            return (sealed, tag);
        }
    }
    panic!("one guess in sixteen fits");
}
