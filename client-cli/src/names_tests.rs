//! People and conversations of the tests, and how what is typed finds them.

use super::*;
use journal::act::ConversationKind;
use pki::{CertId, Role, RoleSet};
use protocol::answer::Standing;
use protocol::client::SecretText;
use protocol::client::event::MemberView;

pub(crate) fn person(id: u64, login: &str, full_name: &str) -> PersonView {
    PersonView {
        person: PersonId(id),
        login: login.into(),
        full_name: full_name.into(),
        unit: vec!["HQ".into()],
        roles: RoleSet::EMPTY.with(Role::Operator),
        clearance: Clearance(3),
        agreement: CertId([0; 32]),
        standing: Standing::Good,
        online: false,
        signature: CertId([0; 32]),
    }
}

pub(crate) fn names() -> Names {
    let people = vec![
        person(1, "anna", "Анна Петрова"),
        person(2, "boris", "Борис Нотов"),
        person(3, "vera", "Вера\u{1b}[2J"),
        person(4, "bories", "Бориc Нотов"),
    ];
    Names::new(PersonId(1), people, Policy::standard())
}

pub(crate) fn conversation_of(number: u64, title: Option<&str>, members: &[u64]) -> ConversationView {
    ConversationView {
        id: ConversationId([number as u8; 32]),
        number,
        kind: if title.is_some() { ConversationKind::Group } else { ConversationKind::Private },
        title: title.map(SecretText::from),
        ceiling: Clearance(3),
        default_label: Clearance(0),
        owner: None,
        members: members
            .iter()
            .map(|id| MemberView { person: PersonId(*id), joined: true, since: number })
            .collect(),
        epoch: 1,
        last: number + 1,
        read: 0,
        unread: 1,
        closed: None,
        with: match title {
            Some(_) => None,
            None => members.iter().copied().map(PersonId).find(|person| *person != PersonId(1)),
        },
    }
}

#[test]
fn people_are_found_by_login_and_shown_by_name() {
    let names = names();
    assert_eq!(names.person("@boris").unwrap(), PersonId(2));
    assert_eq!(names.person("boris").unwrap(), PersonId(2));
    assert!(names.person("@bor").is_err());
    assert_eq!(names.full(PersonId(1), Lang::En), "Анна Петрова @anna");
    assert_eq!(names.full(PersonId(2), Lang::En), "Борис Нотов @boris (!look-alike)");
    assert_eq!(names.full(PersonId(3), Lang::En), "Вера[2J @vera");
    assert_eq!(names.full(PersonId(9), Lang::En), "0000000000000009");
}

#[test]
fn labels_are_named_by_rank_or_word() {
    let names = names();
    for (typed, rank) in [("0", 0), ("secret", 4), ("СЕКРЕТНО", 4), ("top", 5), ("для служ", 1), ("conf", 3)]
    {
        assert_eq!(names.label(typed).unwrap(), Clearance(rank), "{typed}");
    }
    for typed in ["6", "", "-1", "so", "x"] {
        assert!(names.label(typed).is_err(), "{typed}");
    }
}

#[test]
fn conversations_are_named_by_person_number_or_title() {
    let names = names();
    let all = [
        conversation_of(10, None, &[1, 2]),
        conversation_of(20, Some("Ночная смена"), &[1, 2, 3]),
        conversation_of(30, Some("Ночная смена: обед"), &[1, 3]),
        conversation_of(40, Some("Дежурство"), &[1, 3]),
    ];
    let number = |typed: &str| conversation(&all, &names, typed).map(|one| one.number).map_err(|t| t.name);
    assert_eq!(number("@boris"), Ok(10));
    assert_eq!(number("@vera"), Err("unknown-conversation".into()));
    let hint = conversation(&all, &names, "vera").map(|one| one.number).map_err(|trouble| trouble.en);
    assert_eq!(hint, Err("there is no conversation vera; for the person, write @vera".into()));
    assert_eq!(number("#20"), Ok(20));
    assert_eq!(number("деж"), Ok(40));
    assert_eq!(number("Ночная смена"), Ok(20), "the whole title wins");
    assert_eq!(number("ночн"), Err("ambiguous-conversation".into()));
    assert_eq!(names.title(&all[0], Lang::Ru), "Борис Нотов @boris (!похожее имя)");
}

#[test]
fn a_group_that_is_called_like_a_person_is_not_taken_for_him() {
    let names = names();
    let all = [
        conversation_of(10, None, &[1, 2]),
        conversation_of(20, Some("Борис Нотов @boris"), &[1, 2, 3]),
        conversation_of(30, Some("» Вера «"), &[1, 3]),
    ];
    for typed in ["Борис", "Борис Нотов @boris"] {
        let found = conversation(&all, &names, typed).map(|one| one.number).map_err(|trouble| trouble.name);
        assert_eq!(found, Err("ambiguous-conversation".into()), "{typed}");
    }
    assert_eq!(names.title(&all[1], Lang::Ru), "«Борис Нотов @boris»");
    assert_eq!(names.title(&all[1], Lang::En), "\"Борис Нотов @boris\"");
    assert_eq!(names.title(&all[2], Lang::Ru), "«' Вера '»");
    assert_eq!(names.bare_title(&all[2], Lang::Ru), "» Вера «");
    assert_eq!(conversation(&all[..1], &names, "Борис").map(|one| one.number).ok(), Some(10));
}

#[test]
fn a_private_conversation_keeps_its_name_when_the_other_is_out() {
    let names = names();
    let mut all = vec![conversation_of(10, None, &[1, 2])];
    all[0].members.pop();
    assert_eq!(names.title(&all[0], Lang::En), "Борис Нотов @boris (!look-alike)");
    assert_eq!(conversation(&all, &names, "@boris").map(|one| one.number).ok(), Some(10));
    // Where there is a newer one, that is meant.
    all.push(conversation_of(40, None, &[1, 2]));
    assert_eq!(conversation(&all, &names, "@boris").map(|one| one.number).ok(), Some(40));
}

#[test]
fn numbers_of_messages_have_only_digits() {
    assert_eq!(number("#12").unwrap(), 12);
    assert_eq!(number("12").unwrap(), 12);
    for typed in ["", "#", "-1", "+1", "12a", "99999999999999999999"] {
        assert!(number(typed).is_err(), "{typed}");
    }
}
