//! Revocation lists around the borders of one entry, of some parts, and of the most.
use crate::Refusal;
use crate::act::people::{CRL_BYTES_MAX, CRL_PARTS_MAX, CRL_WHOLE_BYTES_MAX};
use crate::act::{Act, Crl, CrlPart};
use crate::fact::{Fact, Tick};
use crate::testing::TestLog;
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Reason};

/// The list of this number, which names vera and so many others whom nobody knows.
fn list(log: &TestLog, number: u64, others: u32) -> Vec<u8> {
    let at = CertTime((log.now_ms / 1000) as i64);
    let vera = log.site.person("vera").signature_certificate.serial().to_vec();
    let serials = (0..others).map(|n| [&[0x40][..], &n.to_be_bytes(), &[0x55; 11]].concat());
    let revoked: Vec<_> = serials.chain([vera]).map(|serial| (serial, at, Reason::KeyCompromise)).collect();
    let authority = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
    profile::revocation_list(authority, number, validity, &revoked).unwrap().der().to_vec()
}

fn acts(list: &[u8]) -> Vec<Act> {
    match CrlPart::split(list) {
        Some(parts) => parts.into_iter().map(Act::CrlPart).collect(),
        None => vec![Act::Crl(Crl { list: list.to_vec().into() })],
    }
}

fn is_revoked(log: &TestLog) -> bool {
    let vera = log.site.person("vera").signature_certificate.id();
    log.register.certificate(vera).unwrap().revoked.is_some()
}

/// Whatever the size, its parts make it again, each within its bounds, and no other split does.
#[test]
fn parts_make_the_list_again_at_every_border() {
    let borders = (0..=u64::from(CRL_PARTS_MAX)).map(|parts| parts * CRL_BYTES_MAX);
    let sizes =
        borders.flat_map(|border| (-3..=3).filter_map(move |around| border.checked_add_signed(around)));
    for length in sizes {
        let whole: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let Some(parts) = CrlPart::split(&whole) else {
            assert!(length <= CRL_BYTES_MAX || length > CRL_WHOLE_BYTES_MAX, "{length}");
            continue;
        };
        assert!(length > CRL_BYTES_MAX && length <= CRL_WHOLE_BYTES_MAX, "{length}");
        assert_eq!(parts.len() as u64, length.div_ceil(CRL_BYTES_MAX));
        assert!(parts.iter().flat_map(|part| part.bytes.iter().copied()).eq(whole.iter().copied()));
        for (at, part) in parts.iter().enumerate() {
            assert!(Act::CrlPart(part.clone()).check_bounds().is_ok());
            assert_eq!(part.is_last(), at + 1 == parts.len());
            assert!(at == 0 || part.follows(&parts[at - 1]));
            let shorter = CrlPart { bytes: part.bytes[1..].to_vec().into(), ..part.clone() };
            let stands = part.is_last() && !shorter.bytes.is_empty();
            assert_eq!(
                Act::CrlPart(shorter).check_bounds().is_ok(),
                stands,
                "{length}: all are full but the last"
            );
        }
    }
}

#[test]
fn a_list_in_parts_takes_effect_with_the_last_and_not_before() {
    for others in [10, 1300, 1500, 3000, 7000] {
        let mut log = TestLog::standard(700);
        let whole = list(&log, 1, others);
        let acts = acts(&whole);
        let parts = acts.len();
        assert_eq!(parts as u64, (whole.len() as u64).div_ceil(CRL_BYTES_MAX), "{others}");
        let applied = log.submit("olga", acts).unwrap();
        let effective: Vec<bool> = applied[1..].iter().map(|one| !one.effects.is_empty()).collect();
        assert_eq!(effective, [vec![false; parts - 1], vec![true]].concat(), "{others}");
        assert!(is_revoked(&log) && log.register.open_list().is_none());
        let mut replay = crate::replay::Replay::new(None);
        log.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
        assert_eq!(replay.register().digest(), log.register.digest());
    }
}

#[test]
fn parts_come_whole_in_their_order_and_in_one_submit() {
    let mut log = TestLog::standard(701);
    let good = acts(&list(&log, 1, 3000));
    let part = |at: usize| {
        let Act::CrlPart(part) = &good[at] else { panic!("{:?}", good[at]) };
        part.clone()
    };
    let of = good.len();
    assert!(of >= 3);
    let swapped = [&[good[1].clone(), good[0].clone()], &good[2..]].concat();
    let left_out = [&good[..1], &good[2..]].concat();
    let mut bent = part(1);
    bent.bytes[5] ^= 1;
    let bent = [&good[..1], &[Act::CrlPart(bent)], &good[2..]].concat();
    let of_another = acts(&list(&log, 2, 3001));
    let mixed = [&good[..1], &of_another[1..]].concat();
    for bad in [swapped, left_out, bent, mixed] {
        assert!(matches!(log.submit("olga", bad), Err(Refusal::BadRevocationList { .. })));
    }
    let open = log.submit("olga", good[..of - 1].to_vec());
    assert_eq!(open, Err(Refusal::ListOpen { missing: 1 }), "its end could never follow");
    let person = log.id("boris");
    let between = Act::Revoke(crate::act::Revoke {
        person,
        reason: crate::act::RevokeReason::Superseded,
        note: String::new(),
    });
    let between = [&good[..1], &[between], &good[1..]].concat();
    assert_eq!(log.submit("olga", between), Err(Refusal::ListOpen { missing: of as u32 - 1 }));
    assert_eq!(log.act("olga", good[0].clone()), Err(Refusal::NotSubmitted));
    assert!(!is_revoked(&log), "none of it took effect");
    assert!(log.fact(Fact::Tick(Tick {})).is_err());
    log.submit("olga", good).unwrap();
    assert!(is_revoked(&log));
}
