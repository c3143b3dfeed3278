use super::*;
use crate::forge::*;
use crate::x509::extension::{CRL_NUMBER, DELTA_CRL, ISSUING_DISTRIBUTION_POINT, KEY_USAGE};
use crate::x509::template::{ExtensionOut, ListTemplate};

struct World {
    root: Made,
    authority: Made,
    leaf: Made,
}

fn world() -> World {
    let root = root();
    let authority = Draft::authority("CA", 2).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&authority);
    World { root, authority, leaf }
}

fn draft(issuer: &Made, revoked: &[&Made]) -> ListTemplate {
    ListTemplate {
        issuer: issuer.certificate.subject().der().to_vec(),
        this_update: day(-1),
        next_update: Some(day(1)),
        entries: revoked
            .iter()
            .map(|made| (made.certificate.serial().to_vec(), day(-2), Vec::new()))
            .collect(),
        extensions: vec![ExtensionOut::new(CRL_NUMBER, false, vec![2, 1, 7])],
    }
}

fn list(issuer: &Made, revoked: &[&Made], change: impl FnOnce(&mut ListTemplate)) -> RevocationList {
    let mut template = draft(issuer, revoked);
    change(&mut template);
    RevocationList::parse(&template.sign(&issuer.key).unwrap()).unwrap()
}

impl World {
    fn ask(&self, lists: &[RevocationList]) -> Result<(), Fault> {
        self.ask_with(Revocation::Leaf(lists))
    }

    fn ask_with(&self, revocation: Revocation<'_>) -> Result<(), Fault> {
        let question = Question { revocation, ..Question::new(Purpose::Client, NOW) };
        let pool = [self.authority.certificate.clone()];
        verify_path(&self.leaf.certificate, &pool, &[self.root.anchor()], &question)
            .map(|_| ())
            .map_err(|error| error.why)
    }
}

const REVOKED: fn(Result<(), Fault>) -> bool = |outcome| matches!(outcome, Err(Fault::Revoked { .. }));

#[test]
fn a_listed_certificate_is_revoked_whatever_the_order() {
    let w = world();
    let clean = || list(&w.authority, &[], |_| ());
    let listed = || list(&w.authority, &[&w.leaf], |_| ());
    assert_eq!(w.ask(&[clean()]), Ok(()));
    assert!(REVOKED(w.ask(&[listed()])));
    assert!(REVOKED(w.ask(&[clean(), listed()])));
    assert!(REVOKED(w.ask(&[listed(), clean()])));
    assert_eq!(w.ask(&[list(&w.authority, &[&w.root], |_| ())]), Ok(()));
}

#[test]
fn stale_and_future_lists_prove_nothing_and_stale_ones_still_accuse() {
    let w = world();
    let stale = |t: &mut ListTemplate| t.next_update = Some(CertTime(day(0).0 - 1));
    let open_ended = |t: &mut ListTemplate| t.next_update = None;
    let future = |t: &mut ListTemplate| t.this_update = CertTime(day(0).0 + 1);
    assert_eq!(w.ask(&[]), Err(Fault::NoFreshList));
    for change in [stale, open_ended, future] as [fn(&mut ListTemplate); 3] {
        assert_eq!(w.ask(&[list(&w.authority, &[], change)]), Err(Fault::NoFreshList));
        assert!(REVOKED(w.ask(&[list(&w.authority, &[&w.leaf], change), list(&w.authority, &[], |_| ())])));
    }
    // Revoked only after the moment of the question, by a list of that later time: not yet revoked then.
    let later = |t: &mut ListTemplate| {
        t.this_update = day(2);
        t.next_update = Some(day(3));
        t.entries[0].1 = day(1);
    };
    let lists = [list(&w.authority, &[&w.leaf], later), list(&w.authority, &[], |_| ())];
    assert_eq!(w.ask(&lists), Ok(()));
}

#[test]
fn only_the_issuers_own_key_speaks() {
    let w = world();
    let forged = |revoked: &[&Made]| {
        let template = draft(&w.authority, revoked);
        RevocationList::parse(&template.sign(&w.root.key).unwrap()).unwrap()
    };
    assert_eq!(w.ask(&[forged(&[])]), Err(Fault::NoFreshList));
    // Nobody is thrown out by a forged list either.
    assert_eq!(w.ask(&[forged(&[&w.leaf]), list(&w.authority, &[], |_| ())]), Ok(()));
    let root = root();
    let authority = Draft::authority("CA", 2).with(key_usage(&[5])).by(&root);
    let leaf = Draft::leaf("Anna", 3).by(&authority);
    let w = World { root, authority, leaf };
    assert_eq!(w.ask(&[list(&w.authority, &[], |_| ())]), Err(Fault::NoFreshList));
    assert!(w.authority.certificate.key_usage().is_some() && KEY_USAGE == 15);
}

#[test]
fn partial_and_strange_lists_prove_nothing() {
    let w = world();
    let with = |extension: ExtensionOut| list(&w.authority, &[], |t| t.extensions.push(extension));
    let odd = |critical| ExtensionOut { oid: vec![0x2a, 3, 4], critical, value: vec![5, 0] };
    assert_eq!(w.ask(&[with(odd(false))]), Ok(()));
    assert_eq!(w.ask(&[with(odd(true))]), Err(Fault::NoFreshList));
    assert_eq!(w.ask(&[with(ExtensionOut::new(DELTA_CRL, true, vec![2, 1, 1]))]), Err(Fault::NoFreshList));
    assert_eq!(w.ask(&[with(ExtensionOut::new(DELTA_CRL, false, vec![2, 1, 1]))]), Err(Fault::NoFreshList));
    let point = |value: &[u8]| ExtensionOut::new(ISSUING_DISTRIBUTION_POINT, true, value.to_vec());
    assert_eq!(w.ask(&[with(point(&[0x30, 3, 0x82, 1, 0xff]))]), Err(Fault::NoFreshList));
    // An entry about who knows whom.
    let strange = |t: &mut ListTemplate| t.entries[0].2 = vec![odd(true)];
    assert_eq!(w.ask(&[list(&w.authority, &[&w.root], strange)]), Err(Fault::NoFreshList));
    // A list of one kind of certificates only still accuses; an indirect one does not.
    let narrowed = |value: &[u8]| list(&w.authority, &[&w.leaf], |t| t.extensions.push(point(value)));
    assert!(REVOKED(w.ask(&[narrowed(&[0x30, 3, 0x81, 1, 0xff])])));
    assert_eq!(w.ask(&[narrowed(&[0x30, 3, 0x84, 1, 0xff])]), Err(Fault::NoFreshList));
}

#[test]
fn authorities_are_revoked_too() {
    let w = world();
    let below = || list(&w.authority, &[], |_| ());
    let above = |revoked: &[&Made]| list(&w.root, revoked, |_| ());
    assert!(REVOKED(w.ask(&[below(), above(&[&w.authority])])));
    assert_eq!(w.ask(&[below(), above(&[])]), Ok(()));
    assert_eq!(w.ask(&[below()]), Ok(()));
    let lists = [below()];
    assert_eq!(w.ask_with(Revocation::Chain(&lists)), Err(Fault::NoFreshList));
    let lists = [below(), above(&[])];
    assert_eq!(w.ask_with(Revocation::Chain(&lists)), Ok(()));
    let stale = list(&w.root, &[], |t| t.next_update = Some(day(-1)));
    assert_eq!(w.ask(&[below(), stale]), Err(Fault::NoFreshList));
    assert_eq!(w.ask_with(Revocation::Unchecked), Ok(()));
}

#[test]
fn a_list_is_read_strictly() {
    let w = world();
    let good = draft(&w.authority, &[&w.leaf]).sign(&w.authority.key).unwrap();
    let parsed = RevocationList::parse(&good).unwrap();
    assert_eq!((parsed.number(), parsed.entries().len()), (Some(&[7][..]), 1));
    assert!(RevocationList::parse(&[&good[..], &[0]].concat()).is_err());
    let mut twice = draft(&w.authority, &[]);
    twice.extensions.push(twice.extensions[0].clone());
    assert!(RevocationList::parse(&twice.sign(&w.authority.key).unwrap()).is_err());
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        let accepted =
            RevocationList::parse(&bent).is_ok_and(|list| list.is_signed_by(w.authority.certificate.spki()));
        assert!(!accepted, "byte {at}");
    }
}
