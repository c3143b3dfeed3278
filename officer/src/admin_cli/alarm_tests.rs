use super::super::names::tests::person;
use super::*;
use journal::act::{FindingCode, ReportReason, Severity};
use journal::fact::AlarmKind;
use journal::register::AcknowledgedBy;
use pki::PersonId;

#[test]
fn what_is_open_is_listed_with_who_raised_it_and_who_has_seen_it() {
    let people = vec![person(1, "olga", "Ольга Зимина"), person(2, "boris", "Борис Нотов")];
    let names = Names::new(people, Lang::En);
    let what = Raised::Report(ReportReason::NotMine, 5);
    let (by, about) = (Some(PersonId(2)), Some(PersonId(2)));
    let row = RaisedRow { what, by, about, last: 7, times: 1, acknowledged: None };
    let mut row = Row { raised: 7, wall_ms: 0, row, message: None };
    let en = line(&row, &names, Lang::En);
    assert!(en.starts_with("#7  1970-01-01 00:00  REPORT: the person named as author of message #5"), "{en}");
    assert!(en.ends_with(": Борис Нотов @boris\n    open, nobody has acknowledged it\n"), "{en}");
    row.row.acknowledged = Some(AcknowledgedBy { index: 9, person: PersonId(1) });
    let ru = line(&row, &names, Lang::Ru);
    assert!(ru.ends_with("    открыто, подтверждено: Ольга Зимина @olga, № 9\n"), "{ru}");
    assert_eq!(json(&row, &names).acknowledged_by.as_deref(), Some("olga"));
    row.row.what = Raised::Finding(Severity::Low, FindingCode::Rights, 3);
    (row.row.by, row.row.about) = (Some(PersonId(1)), Some(PersonId(2)));
    let en = line(&row, &names, Lang::En);
    assert!(en.contains(": Ольга Зимина @olga; about Борис Нотов @boris\n"), "{en}");
    assert_eq!(json(&row, &names).about.as_deref(), Some("boris"));
    row.message = Some(RaisedMessage { author: PersonId(2), conversation: 41 });
    let en = line(&row, &names, Lang::En);
    assert!(en.contains(": Ольга Зимина @olga; message of Борис Нотов @boris, conversation #41\n"), "{en}");
    let ru = line(&row, &names, Lang::Ru);
    assert!(ru.contains("; сообщение: Борис Нотов @boris, беседа № 41\n"), "{ru}");
    assert_eq!(json(&row, &names).conversation, Some(41));
}

#[test]
fn what_is_open_answers_to_its_first_number_and_to_its_last() {
    let raised = |what, raised, last| {
        let row = RaisedRow { what, by: None, about: None, last, times: 2, acknowledged: None };
        Row { raised, wall_ms: 0, row, message: None }
    };
    let flood = |person| Raised::Alarm(AlarmKind::LoginFlood, Some(PersonId(person)), None);
    let folded = Raised::Alarm(AlarmKind::HoldEndsSoon, None, None);
    let rows = [raised(flood(1), 5, 50), raised(flood(2), 50, 60), raised(folded, 70, 90)];
    assert_eq!([5, 50, 60, 90].map(|n| place(&rows, n)), [Some(0), Some(1), Some(1), Some(2)]);
    assert_eq!([0, 20, 71].map(|n| place(&rows, n)), [None; 3], "what nobody was told last");
    assert!(is_open(&rows, flood(1), 5) && is_open(&rows, flood(1), 20) && is_open(&rows, flood(2), 60));
    assert!(!is_open(&rows, flood(2), 20) && !is_open(&rows, flood(3), 20), "another person's");
    assert!(!is_open(&rows, flood(1), 51), "raised and closed since");
    // One row for all that are too many.
    assert!(is_open(&rows, Raised::Alarm(AlarmKind::HoldEndsSoon, None, Some(3)), 80));
    assert!(!is_open(&rows, Raised::Alarm(AlarmKind::NearlyFull, None, None), 80));
}
