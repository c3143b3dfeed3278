//! How many people a store keeps verifiers of: as many as it says, whatever comes behind them.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/copies.rs"]
#[allow(dead_code, reason = "each test takes what it needs of it")]
mod copies;

use std::sync::Arc;

use copies::{GEOMETRY, Life, keys, rng};
use disk::{
    Claim, CommitFields, Error, Geometry, Log, MemoryDevice, PersonKey, VERIFIER_BYTES_MAX, verifiers_max,
};

fn person(number: u32) -> PersonKey {
    u64::from(number).to_be_bytes()
}

/// One batch with these changes.
fn change(log: &mut Log, changes: &[(PersonKey, Option<&[u8]>)]) -> Result<(), Error> {
    let mut random = rng(3);
    let mut batch = log.begin(Claim::Ordinary, &mut random)?;
    changes.iter().try_for_each(|(person, verifier)| batch.verifier(*person, *verifier))?;
    batch.commit(CommitFields::default()).map(drop)
}

#[test]
fn as_many_people_as_a_store_says_fit_its_extents_and_their_passwords_change_on() {
    let mut life = Life::new(1);
    let count = verifiers_max(GEOMETRY.extent_bytes.into()) as u32;
    assert!(count > 50, "{count}");
    let longest = [7; VERIFIER_BYTES_MAX];
    for number in 0..count {
        change(&mut life.log, &[(person(number), Some(&longest))]).unwrap();
    }
    // Now and then all of them are written anew.
    for number in 0..100 {
        change(&mut life.log, &[(person(number % count), Some(&[number as u8; VERIFIER_BYTES_MAX]))])
            .unwrap();
    }
    let (log, _) = Log::open(life.device.clone(), &keys()).unwrap();
    assert_eq!(log.verifier(person(99 % count)), Some(&[99; VERIFIER_BYTES_MAX][..]));
    assert!((0..count).all(|number| log.verifier(person(number)).is_some()));
}

#[test]
fn at_the_limit_of_all_stores_passwords_change_and_go_and_nobody_new_comes() {
    let geometry = Geometry { extent_bytes: 2 << 20, extents: 20, reserve: 3 };
    let device = Arc::new(MemoryDevice::new(41 << 20));
    Log::format(&*device, &keys(), geometry, &mut rng(2)).unwrap();
    let (mut log, _) = Log::open(device, &keys()).unwrap();
    const MOST: u32 = 65_536;
    assert_eq!(verifiers_max(1 << 40), MOST as usize);
    for first in (0..MOST).step_by(8192) {
        let all: Vec<_> = (first..first + 8192).map(|number| (person(number), Some(&b"one"[..]))).collect();
        change(&mut log, &all).unwrap();
    }
    assert!(matches!(change(&mut log, &[(person(MOST), Some(b"new"))]), Err(Error::BatchTooLarge(_))));
    change(&mut log, &[(person(0), Some(b"two"))]).unwrap();
    change(&mut log, &[(person(1), None)]).unwrap();
    change(&mut log, &[(person(MOST), Some(b"new"))]).unwrap();
    assert!(change(&mut log, &[(person(1), Some(b"again"))]).is_err());
}
