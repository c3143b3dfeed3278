use super::*;
use crate::certificate::BadCertificate;
use crate::forge::*;
use crate::oids;
use crate::x509::der;
use crate::x509::extension::{BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE};
use crate::x509::general_name::GeneralName;
use crate::x509::name::Name;
use crate::x509::template::ExtensionOut;

fn ask(leaf: &Made, intermediates: &[&Made], anchor: &Made, question: &Question<'_>) -> Result<(), Fault> {
    let intermediates: Vec<_> = intermediates.iter().map(|made| made.certificate.clone()).collect();
    verify_path(&leaf.certificate, &intermediates, &[anchor.anchor()], question)
        .map(|path| assert_eq!(path.leaf(), &leaf.certificate))
        .map_err(|error| error.why)
}

fn client() -> Question<'static> {
    Question::new(Purpose::Client, NOW)
}

fn any() -> Question<'static> {
    Question::new(Purpose::Any, NOW)
}

/// Root, one authority changed as told, a good leaf.
fn with_authority(change: impl FnOnce(Draft) -> Draft) -> Result<(), Fault> {
    let root = root();
    let authority = change(Draft::authority("CA", 2)).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&authority);
    ask(&leaf, &[&authority], &root, &client())
}

/// Root, a good authority, a leaf changed as told.
fn with_leaf(change: impl FnOnce(Draft) -> Draft, question: &Question<'_>) -> Result<(), Fault> {
    let root = root();
    let authority = Draft::authority("CA", 2).by(&root);
    let leaf = change(Draft::leaf("Anna", 3)).by(&authority);
    ask(&leaf, &[&authority], &root, question)
}

#[test]
fn a_plain_chain_holds_in_any_order_and_with_strangers_between() {
    let root = root();
    let upper = Draft::authority("Upper", 2).by(&root);
    let lower = Draft::authority("Lower", 3).by(&upper);
    let stranger = Draft::authority("Lower", 5).self_signed();
    let leaf = Draft::leaf("Anna", 7).by(&lower);
    for order in [[&upper, &lower, &stranger], [&stranger, &lower, &upper], [&lower, &stranger, &upper]] {
        assert_eq!(ask(&leaf, &order, &root, &client()), Ok(()));
    }
    assert_eq!(ask(&leaf, &[&lower], &root, &client()), Err(Fault::UnknownIssuer));
    assert_eq!(ask(&leaf, &[&upper], &root, &client()), Err(Fault::UnknownIssuer));
    assert_eq!(ask(&leaf, &[&stranger], &root, &client()), Err(Fault::BadSignature));
    assert_eq!(ask(&leaf, &[&lower, &upper], &stranger, &client()), Err(Fault::UnknownIssuer));
    assert_eq!(ask(&leaf, &[], &stranger, &client()), Err(Fault::BadSignature));
    assert_eq!(ask(&root, &[], &root, &any()), Err(Fault::LeafIsAnchor));
    assert_eq!(ask(&Draft::leaf("Anna", 9).self_signed(), &[], &root, &any()), Err(Fault::UnknownIssuer));
}

#[test]
fn validity_holds_to_the_second_for_everyone() {
    let (from, until) = (day(-30), day(30));
    let at = |time: CertTime, ms: i64| Question { at: UnixMs((time.0 * 1000 + ms) as u64), ..client() };
    assert_eq!(with_leaf(|d| d, &at(from, 0)), Ok(()));
    assert_eq!(with_leaf(|d| d, &at(from, -1)), Err(Fault::NotYetValid { from }));
    assert_eq!(with_leaf(|d| d, &at(until, 999)), Ok(()));
    assert_eq!(with_leaf(|d| d, &at(until, 1000)), Err(Fault::Expired { until }));
    let expired = |draft: Draft| draft.change(|t| t.not_after = day(-1));
    assert_eq!(with_authority(expired), Err(Fault::Expired { until: day(-1) }));
    let root = expired(Draft::authority("Root", 1)).self_signed();
    let leaf = Draft::leaf("Anna", 3).by(&root);
    assert_eq!(ask(&leaf, &[], &root, &client()), Err(Fault::Expired { until: day(-1) }));
}

#[test]
fn only_authorities_sign() {
    assert_eq!(with_authority(|d| d), Ok(()));
    assert_eq!(with_authority(|d| d.without(BASIC_CONSTRAINTS)), Err(Fault::NotAnAuthority));
    assert_eq!(
        with_authority(|d| d.with(basic(false, None)).with(key_usage(&[0]))),
        Err(Fault::NotAnAuthority)
    );
    let lax = |mut extension: ExtensionOut| {
        extension.critical = false;
        extension
    };
    assert_eq!(with_authority(|d| d.with(lax(basic(true, None)))), Err(Fault::NotAnAuthority));
    assert_eq!(with_authority(|d| d.with(key_usage(&[0, 6]))), Err(Fault::NoCertSign));
    assert_eq!(with_authority(|d| d.without(KEY_USAGE)), Err(Fault::NoCertSign));
    // A leaf may not sign another leaf.
    let root = root();
    let anna = Draft::leaf("Anna", 2).by(&root);
    let boris = Draft::leaf("Boris", 3).by(&anna);
    assert_eq!(ask(&boris, &[&anna], &root, &client()), Err(Fault::NotAnAuthority));
}

#[test]
fn path_length_counts_authorities_that_are_not_self_issued() {
    let root = Draft::authority("Root", 1).with(basic(true, Some(0))).self_signed();
    let leaf = Draft::leaf("Anna", 3).by(&root);
    assert_eq!(ask(&leaf, &[], &root, &client()), Ok(()));
    let authority = Draft::authority("CA", 2).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&authority);
    assert_eq!(ask(&leaf, &[&authority], &root, &client()), Err(Fault::PathLength { allowed: 0 }));
    // A new key of the same authority is self-issued and free.
    let renewed = Draft::authority("Root", 4).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&renewed);
    assert_eq!(ask(&leaf, &[&renewed], &root, &client()), Ok(()));
    let below = Draft::authority("CA", 6).by(&renewed);
    let leaf = Draft::leaf("Anna", 3).by(&below);
    assert_eq!(ask(&leaf, &[&renewed, &below], &root, &client()), Err(Fault::PathLength { allowed: 0 }));
}

#[test]
fn purposes_and_roles_are_demanded_of_everyone() {
    let server = Question::new(Purpose::Server, NOW);
    let only_client = |d: Draft| d.with(usages(&[oids::CLIENT_AUTH]));
    assert_eq!(with_leaf(only_client, &client()), Ok(()));
    assert_eq!(with_leaf(only_client, &server), Err(Fault::Purpose));
    assert_eq!(with_leaf(|d| d.with(usages(&[oids::ANY_USAGE])), &client()), Err(Fault::Purpose));
    assert_eq!(with_leaf(|d| d.without(EXTENDED_KEY_USAGE), &client()), Err(Fault::Purpose));
    assert_eq!(with_leaf(|d| d.without(EXTENDED_KEY_USAGE), &any()), Ok(()));
    let role = |role| Question { role: Some(role), ..client() };
    assert_eq!(with_leaf(|d| d, &role(Role::Operator)), Ok(()));
    assert_eq!(with_leaf(|d| d, &role(Role::Officer)), Err(Fault::Role(Role::Officer)));
    assert_eq!(with_authority(|d| d.with(usages(&[oids::SERVER_AUTH]))), Err(Fault::Purpose));
    assert_eq!(with_authority(|d| d.with(usages(&[oids::ANY_USAGE]))), Ok(()));
}

#[test]
fn key_usage_is_demanded_where_it_is_asked_for() {
    let asked = |key_use| Question { key_use: Some(key_use), ..any() };
    assert_eq!(with_leaf(|d| d, &asked(KeyUse::DigitalSignature)), Ok(()));
    assert_eq!(with_leaf(|d| d, &asked(KeyUse::KeyAgreement)), Err(Fault::KeyUsage));
    assert_eq!(with_leaf(|d| d.without(KEY_USAGE), &asked(KeyUse::DigitalSignature)), Err(Fault::KeyUsage));
    assert_eq!(with_leaf(|d| d.with(key_usage(&[4])), &client()), Err(Fault::KeyUsage));
    assert_eq!(with_leaf(|d| d.without(KEY_USAGE), &client()), Ok(()));
}

#[test]
fn an_end_entity_carries_nothing_of_an_authority() {
    assert_eq!(with_leaf(|d| d.with(key_usage(&[0, 5])), &any()), Err(Fault::AuthorityExtension));
    let bounds = name_constraints(&[GeneralName::Dns("a.example".into())], &[]);
    assert_eq!(with_leaf(|d| d.with(bounds), &any()), Err(Fault::AuthorityExtension));
    let authority = |d: Draft| d.with(basic(true, None)).with(key_usage(&[0, 5]));
    assert_eq!(with_leaf(authority, &client()), Err(Fault::LeafIsAuthority));
    assert_eq!(with_leaf(authority, &any()), Ok(()));
}

#[test]
fn critical_extensions_that_nobody_understands_are_refused_anywhere() {
    let odd = |critical| ExtensionOut { oid: vec![0x2a, 3, 4], critical, value: vec![5, 0] };
    let oid = ::der::asn1::ObjectIdentifier::new_unwrap("1.2.3.4");
    assert_eq!(with_leaf(|d| d.with(odd(false)), &client()), Ok(()));
    assert_eq!(with_leaf(|d| d.with(odd(true)), &client()), Err(Fault::UnknownCritical(oid)));
    assert_eq!(with_authority(|d| d.with(odd(true))), Err(Fault::UnknownCritical(oid)));
    let root = Draft::authority("Root", 1).with(odd(true)).self_signed();
    assert_eq!(ask(&Draft::leaf("A", 3).by(&root), &[], &root, &client()), Err(Fault::UnknownCritical(oid)));
    let policy = ExtensionOut::new(36, false, vec![0x30, 3, 0x80, 1, 0]);
    assert_eq!(with_authority(|d| d.with(policy)), Err(Fault::PolicyConstraints));
    for number in [9, 14, 35, 33, 54, 31] {
        let value = if number == 9 { vec![0x30, 0] } else { vec![4, 1, 1] };
        let critical = ExtensionOut::new(number, true, value);
        assert!(
            matches!(with_leaf(|d| d.with(critical), &client()), Err(Fault::UnknownCritical(_))),
            "{number}"
        );
    }
}

#[test]
fn names_keep_within_bounds() {
    let dns = |text: &str| GeneralName::Dns(text.into());
    let case = |bounds: ExtensionOut, names: &[GeneralName]| {
        let root = Draft::authority("Root", 1).with(bounds).self_signed();
        let authority = Draft::authority("CA", 2).by(&root);
        let mut draft = Draft::leaf("Anna", 3);
        if !names.is_empty() {
            draft = draft.with(alt_names(names));
        }
        ask(&draft.by(&authority), &[&authority], &root, &client())
    };
    let outside = |outcome| matches!(outcome, Err(Fault::Names(ConstraintBreach::NotPermitted(_))));
    let excluded = |outcome| matches!(outcome, Err(Fault::Names(ConstraintBreach::Excluded(_))));
    let unknown = |outcome| matches!(outcome, Err(Fault::Names(ConstraintBreach::UnknownConstraint)));
    let permitted = || name_constraints(&[dns("good.example")], &[]);
    assert_eq!(case(permitted(), &[dns("a.good.example")]), Ok(()));
    assert_eq!(case(permitted(), &[]), Ok(()));
    assert!(outside(case(permitted(), &[dns("a.good.example"), dns("bad.example")])));
    assert!(excluded(case(name_constraints(&[], &[dns("good.example")]), &[dns("a.good.example")])));
    let upper = Name::from_attributes(&[(oids::UNIT, "TEST")]);
    let other = Name::from_attributes(&[(oids::UNIT, "Other")]);
    let directory = |name: &Name| GeneralName::Directory(name.clone());
    assert_eq!(case(name_constraints(&[directory(&upper)], &[]), &[]), Ok(()));
    assert!(outside(case(name_constraints(&[directory(&other)], &[]), &[])));
    assert!(excluded(case(name_constraints(&[], &[directory(&upper)]), &[])));
    let ip = |bytes: &[u8]| GeneralName::Ip(bytes.to_vec());
    let net = [10, 0, 0, 0, 255, 0, 0, 0];
    assert_eq!(case(name_constraints(&[ip(&net)], &[]), &[ip(&[10, 1, 1, 1])]), Ok(()));
    assert!(outside(case(name_constraints(&[ip(&net)], &[]), &[ip(&[11, 1, 1, 1])])));
    assert!(outside(case(name_constraints(&[ip(&net)], &[]), &[ip(&[1; 16])])));
    assert!(unknown(case(name_constraints(&[ip(&[10, 0, 0, 0, 255, 0, 255, 0])], &[]), &[])));
    assert!(unknown(case(name_constraints(&[], &[GeneralName::Other(0)]), &[])));
    assert!(unknown(case(name_constraints(&[dns(".good.example")], &[]), &[])));
}

#[test]
fn an_excluded_name_cannot_hide_in_another_string_type() {
    let root = Draft::authority("Root", 1)
        .with(name_constraints(
            &[],
            &[GeneralName::Directory(Name::from_attributes(&[(oids::UNIT, "Test")]))],
        ))
        .self_signed();
    let hidden = |tag: u8, text: &[u8]| {
        let attribute = der::nest(0x30, &[&der::oid(&oids::UNIT), &der::element(tag, text)]);
        der::element(0x30, &der::element(0x31, &attribute))
    };
    let ask_for = |subject: Vec<u8>| {
        let leaf = Draft::leaf("x", 3).change(|t| t.subject = subject).by(&root);
        ask(&leaf, &[], &root, &client())
    };
    assert!(matches!(ask_for(hidden(0x13, b"tEST")), Err(Fault::Names(ConstraintBreach::Excluded(_)))));
    let wide = b"\0T\0e\0s\0t";
    assert!(matches!(ask_for(hidden(0x1e, wide)), Err(Fault::Names(ConstraintBreach::UnknownName(_)))));
    assert_eq!(ask_for(hidden(0x0c, b"Tests")), Ok(()));
    // Teletex, Numeric, Visible, General, and a type of nobody's.
    for tag in [0x14, 0x12, 0x1a, 0x1b, 0x84] {
        let outcome = ask_for(hidden(tag, b"Test"));
        assert!(
            matches!(outcome, Err(Fault::Names(ConstraintBreach::UnknownName(_)))),
            "{tag:x} {outcome:?}"
        );
    }
    // Another spelling of the same letters; and one that only another base would have to compare.
    for twin in ["Te\u{301}st", "Te\u{200b}st", "Ｔest"] {
        let outcome = ask_for(hidden(0x0c, twin.as_bytes()));
        assert!(matches!(outcome, Err(Fault::Names(ConstraintBreach::UnknownName(_)))), "{twin} {outcome:?}");
    }
    // A constructed string is no DER.
    let inner = der::element(0x0c, b"Test");
    let mut leaf = Draft::leaf("x", 3).change(|t| t.subject = hidden(0x2c, &inner));
    assert!(matches!(Certificate::parse(&leaf.der_by(&root)), Err(BadCertificate::Der(_))));
    // Old roots have Latin names in TeletexString: where no constraint concerns it, the chain holds.
    let free = Draft::authority("Root", 1).self_signed();
    let old = Draft::authority("CA", 2).change(|t| t.subject = hidden(0x14, b"Soci\xe9t\xe9")).by(&free);
    let leaf = Draft::leaf("x", 3).by(&old);
    assert_eq!(ask(&leaf, &[&old], &free, &client()), Ok(()));
}

#[test]
fn an_exclusion_that_could_be_spelled_otherwise_is_not_understood() {
    let bound = |text: &str, excluded: bool| {
        let base = [GeneralName::Directory(Name::from_attributes(&[(oids::UNIT, text)]))];
        let bounds = if excluded { name_constraints(&[], &base) } else { name_constraints(&base, &[]) };
        let root = Draft::authority("Root", 1).with(bounds).self_signed();
        let subject = Name::from_attributes(&[(oids::UNIT, text), (oids::COMMON_NAME, "Анна")]);
        let leaf = Draft::leaf("x", 3).change(|t| t.subject = subject.der().to_vec()).by(&root);
        ask(&leaf, &[], &root, &client())
    };
    let twin = "Внешни\u{438}\u{306}";
    assert_eq!(bound(twin, true), Err(Fault::Names(ConstraintBreach::UnknownConstraint)));
    assert!(matches!(bound("Внешний", true), Err(Fault::Names(ConstraintBreach::Excluded(_)))));
    // A permitted name must be the very same, so another spelling wins nothing.
    assert_eq!(bound(twin, false), Ok(()));
}

#[test]
fn a_mail_address_does_not_escape_its_bound_in_another_string_type() {
    let ask_for = |tag: u8, bounds: ExtensionOut| {
        let root = Draft::authority("Root", 1).with(bounds).self_signed();
        let step = |oid, tag, text: &[u8]| {
            der::element(0x31, &der::nest(0x30, &[&der::oid(oid), &der::element(tag, text)]))
        };
        let mail = step(&oids::EMAIL, tag, b"a@evil.example");
        let subject = der::nest(0x30, &[&step(&oids::COMMON_NAME, 0x0c, b"x"), &mail]);
        let leaf = Draft::leaf("x", 3).change(|t| t.subject = subject).by(&root);
        ask(&leaf, &[], &root, &client())
    };
    let mail = |host: &str| GeneralName::Rfc822(host.into());
    let permitted = || name_constraints(&[mail("good.example")], &[]);
    let excluded = || name_constraints(&[], &[mail("evil.example")]);
    for tag in [0x14, 0x1e, 0x1a] {
        for bounds in [permitted(), excluded()] {
            let outcome = ask_for(tag, bounds);
            assert!(
                matches!(outcome, Err(Fault::Names(ConstraintBreach::UnknownName(_)))),
                "{tag:x} {outcome:?}"
            );
        }
        // Nothing is said about addresses: nothing is refused.
        assert_eq!(ask_for(tag, name_constraints(&[GeneralName::Dns("a.example".into())], &[])), Ok(()));
    }
    assert!(matches!(ask_for(0x16, permitted()), Err(Fault::Names(ConstraintBreach::NotPermitted(_)))));
    assert!(matches!(ask_for(0x16, excluded()), Err(Fault::Names(ConstraintBreach::Excluded(_)))));
    assert_eq!(ask_for(0x16, name_constraints(&[mail("evil.example")], &[])), Ok(()));
}

#[test]
fn every_flipped_bit_of_a_chain_is_noticed() {
    let root = root();
    let authority = Draft::authority("CA", 2).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&authority);
    let accepts = |leaf: &[u8], authority: &[u8]| {
        let (Ok(leaf), Ok(authority)) = (Certificate::parse(leaf), Certificate::parse(authority)) else {
            return false;
        };
        verify_path(&leaf, &[authority], &[root.anchor()], &client()).is_ok()
    };
    let (leaf, authority) = (leaf.certificate.der(), authority.certificate.der());
    assert!(accepts(leaf, authority));
    for at in 0..leaf.len().max(authority.len()) {
        for bit in [1, 0x80] {
            let bend = |der: &[u8]| {
                der.iter().enumerate().map(|(i, b)| if i == at { b ^ bit } else { *b }).collect::<Vec<_>>()
            };
            assert!(at >= leaf.len() || !accepts(&bend(leaf), authority), "leaf byte {at}");
            assert!(at >= authority.len() || !accepts(leaf, &bend(authority)), "authority byte {at}");
        }
    }
}

#[test]
fn what_is_not_a_strict_certificate_is_not_even_read() {
    let root = root();
    let made = |change: fn(&mut crate::x509::template::Template)| {
        let mut draft = Draft::leaf("Anna", 3).change(change);
        Certificate::parse(&draft.der_by(&root)).map(|_| ())
    };
    assert_eq!(made(|_| ()), Ok(()));
    assert_eq!(made(|t| t.serial = vec![0]), Err(BadCertificate::Serial));
    assert_eq!(made(|t| t.serial = vec![0x80, 1]), Err(BadCertificate::Serial));
    assert_eq!(made(|t| t.serial = vec![1; 21]), Err(BadCertificate::Serial));
    assert_eq!(made(|t| t.serial = vec![1; 20]), Ok(()));
    assert_eq!(made(|t| t.version = Vec::new()), Err(BadCertificate::Version));
    assert_eq!(made(|t| t.version = vec![0xa0, 3, 2, 1, 1]), Err(BadCertificate::Version));
    assert_eq!(made(|t| t.subject = vec![0x30, 0]), Err(BadCertificate::EmptySubject));
    let bad = |outcome| matches!(outcome, Err(BadCertificate::Der(_)));
    assert!(bad(made(|t| t.extensions.push(t.extensions[0].clone()))));
    assert!(bad(made(|t| t.extensions[0].value = vec![0x30, 3, 1, 1, 0])));
    assert!(bad(made(|t| t.extensions[1].value = vec![3, 2, 0, 0x80])));
    assert!(bad(made(|t| t.extensions[1].value = vec![3, 2, 7, 0])));
    assert!(bad(made(|t| t.extensions[2].value = vec![0x30, 0])));
    assert!(bad(made(|t| t.extensions[0].value.push(0))));
    assert!(bad(made(|t| t.serial = vec![0, 1])));
    let good = Draft::leaf("Anna", 3).by(&root).certificate;
    assert!(Certificate::parse(&[good.der(), &[0]].concat()).is_err());
    // Overlong outer length: 30 82 hi lo becomes 30 83 00 hi lo.
    assert_eq!(good.der()[1], 0x82);
    let overlong = [&[0x30, 0x83, 0], &good.der()[2..]].concat();
    assert!(Certificate::parse(&overlong).is_err());
}

#[test]
fn inner_and_outer_algorithm_must_agree() {
    let root = root();
    let mut draft = Draft::leaf("Anna", 3);
    draft.der_by(&root);
    let inner = crate::x509::sign::algorithm_identifier(crate::suite::Suite::Ed25519).unwrap();
    let der = crate::x509::sign::sign(&draft.template.to_be_signed(&inner), &root.key).unwrap();
    assert_eq!(Certificate::parse(&der).map(|_| ()), Err(BadCertificate::AlgorithmMismatch));
}

#[test]
fn the_work_is_bounded() {
    // Thirty authorities that all share one name and one key pair per layer: without a bound, factorially many paths.
    let root = root();
    let stranger = Draft::authority("Elsewhere", 4).self_signed();
    let many: Vec<_> = (0..40)
        .map(|i| Draft::authority("Same", 100 + i).change(|t| t.subject = name("Same").der().to_vec()))
        .collect();
    let first = Draft::authority("Same", 99).self_signed();
    let many: Vec<_> = many.into_iter().map(|draft| draft.by(&first)).collect();
    let leaf = Draft::leaf("Anna", 3).by(&first);
    let mut pool: Vec<_> = many.iter().collect();
    pool.push(&first);
    pool.push(&stranger);
    let outcome = ask(&leaf, &pool, &root, &client());
    assert!(
        matches!(outcome, Err(Fault::TooMuchWork | Fault::UnknownIssuer | Fault::BadSignature)),
        "{outcome:?}"
    );
    // Too long a chain.
    let mut chain = vec![];
    let mut issuer = Draft::authority("Root", 1).self_signed();
    for i in 0..=INTERMEDIATES_MAX as u64 {
        let next = Draft::authority(&format!("CA {i}"), 200 + i).by(&issuer);
        chain.push(std::mem::replace(&mut issuer, next));
    }
    let leaf = Draft::leaf("Anna", 3).by(&issuer);
    let pool: Vec<_> = chain[1..].iter().chain([&issuer]).collect();
    assert_eq!(ask(&leaf, &pool, &chain[0], &client()), Err(Fault::TooLong));
    let leaf = Draft::leaf("Anna", 3).by(pool[pool.len() - 2]);
    assert_eq!(ask(&leaf, &pool, &chain[0], &client()), Ok(()));
}
