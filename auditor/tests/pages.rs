//! The report as a page: the same bytes each time, nothing of others as markup, and a year of a site's life on it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod year;

use auditor::audit::{Audit, Wanted, audit};
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::outside::OutsideHead;
use auditor::page::Page;
use auditor::plain::judgement;
use auditor::registers::{Gatherer, Period, RegisterKind};
use auditor::report::{AnomalyKind, Grounds, Report};
use auditor::second_reading::read_again;
use auditor::timeline::EventKind;
use auditor::trust::{Trust, TrustFacts};
use console::when::rfc3339;
use console::{Lang, Words};
use journal::act::{
    Act, AlarmAcknowledge, AlarmClose, ClockAttest, CloseOutcome, Disclose, DualAct, Finding, FindingCode,
    Logout, Report as MemberReport, ReportReason, Severity,
};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::fact::{Alarm, AlarmKind, ClockStep, Fact};
use journal::note::NoteSigner;
use journal::testing::TestLog;

/// The bundle of a log, with its own signature.
fn bundle(log: &TestLog) -> Vec<u8> {
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let checkpoint = Checkpoint { origin: log.register.log_id().into(), head: log.head() };
    let note = SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string();
    let mut writer = BundleWriter::new(Vec::new()).unwrap();
    log.entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&[note.as_bytes()]).unwrap()
}

fn trust(log: &TestLog) -> Trust {
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    Trust::new(TrustFacts {
        site: "Test site".into(),
        suite: log.site.suite,
        log: log.register.log_id(),
        identity: keys.identity.unwrap().to_string(),
        roots: vec![log.site.root.der().to_vec()],
        issuing: Vec::new(),
    })
    .unwrap()
}

fn reported(log: &TestLog, outside: Vec<OutsideHead>) -> (Report, Audit) {
    told(log, &bundle(log), outside)
}

fn told(log: &TestLog, bytes: &[u8], outside: Vec<OutsideHead>) -> (Report, Audit) {
    let mut collector = Collector::default();
    let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
    let wanted = Wanted { trust: &trust(log), outside, progress: &mut |_| {}, observer: &mut observer };
    let found = audit(BundleReader::open(bytes).unwrap(), wanted).unwrap();
    if collector.wants_second_reading(&found) {
        let mut again = |index, parsed: &_| collector.again(index, parsed);
        read_again(BundleReader::open(bytes).unwrap(), found.replay.tree(), &mut |_| {}, &mut again).unwrap();
    }
    (collector.finish(&found).unwrap().0, found)
}

fn page(report: &Report, found: &Audit, lang: Lang) -> String {
    let said = judgement(found, lang).say(lang);
    Page { report, judgement: &found.judgement, said: &said, lost: &[], lang }.html()
}

fn confirmed(log: &TestLog) -> Vec<OutsideHead> {
    vec![OutsideHead {
        file: Some("anna.checkpoint".into()),
        era: Some(0),
        head: log.head(),
        cosigned_ms: None,
        own: false,
    }]
}

#[test]
fn the_same_journal_makes_the_same_page_and_no_script_is_in_it() {
    let log = TestLog::standard(1);
    for lang in [Lang::En, Lang::Ru] {
        let once = || {
            let (report, found) = reported(&log, confirmed(&log));
            page(&report, &found, lang)
        };
        let first = once();
        assert_eq!(first, once());
        assert!(first.contains("default-src 'none'") || first.contains("default-src &#39;none&#39;"));
        for never in ["<script", "http://", "https://", " style=", "url(", "@import", "javascript:"] {
            assert!(!first.contains(never), "{never}");
        }
        let verdict = lang.pick(">VERIFIED<", ">ПРОВЕРЕНО<");
        assert!(first.contains(verdict), "the verdict's word stands by itself");
    }
}

#[test]
fn a_commitment_that_stands_twice_is_an_anomaly_and_names_both() {
    let mut log = TestLog::standard(3);
    let chat = log.talking("anna", &["boris"]);
    let message = log.message(chat);
    log.act("anna", Act::Message(message.clone())).unwrap();
    let first = log.tree.size() - 1;
    log.act("boris", Act::Message(message)).unwrap();
    let again = log.tree.size() - 1;
    let (report, found) = reported(&log, confirmed(&log));
    assert!(matches!(found.judgement, Judgement::Verified), "the log took both: {:?}", found.judgement);
    let twice = report.anomalies.iter().filter(|found| found.kind == AnomalyKind::DuplicateCommitment);
    let named: Vec<_> = twice.map(|found| (found.index, found.other)).collect();
    assert_eq!(named, [(again, Some(first))]);
    let read = page(&report, &found, Lang::En);
    assert!(
        read.contains("the same commitment twice") && read.contains(&format!("with #{first}")),
        "and told"
    );
}

#[test]
fn a_hostile_name_stays_text() {
    let log = TestLog::standard(1);
    let (mut report, found) = reported(&log, confirmed(&log));
    let hostile = "</td><script>alert(1)</script>\u{202E}\u{2066}\n<img src=x onerror=\"x\">'";
    report.site = hostile.into();
    report.anchors[0].file = Some(hostile.into());
    for row in &mut report.people {
        (row.login, row.name) = (hostile.into(), hostile.into());
    }
    report.certificates[0].login = hostile.into();
    report.anomalies[0].who = Some(hostile.into());
    let page = page(&report, &found, Lang::En);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\u{202E}"));
    assert!(
        !page.contains("\u{2066}")
            && page.contains("&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt; &lt;img")
    );
    let closed =
        |tag: &str| page.matches(&format!("<{tag}")).count() == page.matches(&format!("</{tag}>")).count();
    assert!(closed("td") && closed("table") && closed("svg") && closed("div"));
}

#[test]
fn a_bundle_of_nothing_says_so_and_names_nobody() {
    let log = TestLog::standard(1);
    let nothing = BundleWriter::new(Vec::new()).unwrap().finish(&[]).unwrap();
    let (report, found) = told(&log, &nothing, Vec::new());
    let page = page(&report, &found, Lang::En);
    assert!(page.contains(">INCOMPLETE<") && page.contains("Whose journal this is cannot be said."));
    assert!(!page.contains("1970") && !page.contains("00000000"));
}

#[test]
fn a_russian_page_has_no_english_words_but_names() {
    let log = year::year(30);
    let (report, found) = reported(&log, Vec::new());
    let page = page(&report, &found, Lang::Ru);
    let body = &page[page.find("<body>").unwrap()..];
    let mut text = String::new();
    let mut inside = true;
    for letter in body.chars() {
        match letter {
            '<' => inside = false,
            '>' => {
                inside = true;
                text.push(' ');
            }
            _ if inside => text.push(letter),
            _ => {}
        }
    }
    for word in ["entry", "entries", "the ", "none", "pending", "critical", "warning", "valid ", "revoked "] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_year_is_told_whole() {
    let log = year::year(360);
    let (report, found) = reported(&log, confirmed(&log));
    assert!(report.timeline.days.len() >= 350 && report.erasures.len() > 20 && report.people.len() > 20);
    let right = |wanted| report.erasures.iter().filter(|row| row.right == Some(wanted)).count();
    assert!(right(auditor::erasures::Right::Author) > 0 && right(auditor::erasures::Right::PrivateSide) > 0);
    let ordered =
        report.erasures.iter().find(|row| row.right == Some(auditor::erasures::Right::Order)).unwrap();
    let order = ordered.order.as_ref().unwrap();
    assert_eq!((ordered.by.as_str(), order.number.as_str(), order.ground), ("olga, oleg", "5/26", "court"));
    assert!(order.proposal < order.approve && order.approve < ordered.index && ordered.done.is_some());
    for lang in [Lang::En, Lang::Ru] {
        let page = page(&report, &found, lang);
        assert!(page.len() < 2 << 20, "{} bytes", page.len());
        keep(&format!("year-{}.html", lang.name()), &page);
    }
    if let Some(folder) = std::env::var_os("CONCLAVE_PAGES") {
        let folder = std::path::Path::new(&folder);
        std::fs::write(folder.join("year.journal"), bundle(&log)).unwrap();
        trust(&log).create(&folder.join("year.trust")).unwrap();
    }
    let empty = TestLog::founded(9, pki::Suite::Ed25519, journal::Policy::standard());
    let (report, found) = reported(&empty, Vec::new());
    keep("empty-ru.html", &page(&report, &found, Lang::Ru));
}

#[test]
fn a_register_of_erasures_says_by_whose_order_and_what_became_of_it() {
    let log = year::year(160);
    let bytes = bundle(&log);
    let period = Period { from_ms: 0, to_ms: u64::MAX };
    let rows = |kind| {
        let mut gatherer = Gatherer::new(kind, period, Lang::En);
        let mut observer = |index, entry: &_, applied: &_| gatherer.take(index, entry, applied);
        let wanted = Wanted {
            trust: &trust(&log),
            outside: Vec::new(),
            progress: &mut |_| {},
            observer: &mut observer,
        };
        let found = audit(BundleReader::open(&bytes[..]).unwrap(), wanted).unwrap();
        gatherer.finish(&found).0
    };
    let erasures = rows(RegisterKind::Erasures);
    let ordered: Vec<&str> = erasures
        .iter()
        .filter(|row| row.what.contains("order of erasure"))
        .map(|row| row.state.as_str())
        .collect();
    let [approved, carried_out] = ordered[..] else { panic!("{ordered:?}") };
    assert!(approved.starts_with("order 5/26, a court's decision, by olga and oleg: took effect in #"));
    assert!(
        carried_out.starts_with(approved) && carried_out.contains("; carried out, by the server's word #")
    );
    let held = rows(RegisterKind::Holds);
    assert_eq!((held.len(), held[0].state.starts_with("stands, until ")), (1, true));
    let printed = rows(RegisterKind::Envelopes);
    assert!(
        printed.iter().any(|row| row.who == "authority, brought by olga" && row.state.starts_with("used (#"))
    );
}

/// A member discloses what anna wrote, and reports it; the auditor files a finding; the server is nearly full.
fn desk() -> (TestLog, u64) {
    let mut log = TestLog::standard(3);
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("anna", chat).unwrap();
    log.act("boris", Act::Disclose(Disclose { message })).unwrap();
    log.act("boris", Act::Report(MemberReport { message, reason: ReportReason::Mislabelled })).unwrap();
    let raised = log.tree.size() - 1;
    let finding = Finding { entry: message, severity: Severity::High, code: FindingCode::Rights };
    log.act("igor", Act::Finding(finding)).unwrap();
    let evidence = Vec::new().into();
    log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::NearlyFull, person: None, evidence })).unwrap();
    log.act("olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised })).unwrap();
    log.act("olga", Act::AlarmClose(AlarmClose { raised, outcome: CloseOutcome::False })).unwrap();
    (log, message)
}

#[test]
fn a_page_and_registers_tell_what_was_given_away_and_what_was_raised() {
    let (log, message) = desk();
    let (report, found) = reported(&log, confirmed(&log));
    for (lang, words) in [
        (
            Lang::En,
            ["What was given away and what was raised", "open, nobody has acknowledged it", "it was not so"],
        ),
        (Lang::Ru, ["Что раскрыто и о чём сообщено", "открыто, никто не подтвердил", "не подтвердилось"]),
    ] {
        let page = page(&report, &found, lang);
        for word in words {
            assert!(page.contains(word), "{word}");
        }
        assert!(page.contains(&format!("#{message}")));
        keep(&format!("desk-{}.html", lang.name()), &page);
    }
    let text = auditor::report_text::text(&report, Lang::En, 200);
    assert!(text.contains(&format!("boris disclosed message #{message} of anna")), "{text}");
    let mut hostile = report.clone();
    (hostile.disclosures[0].by, hostile.raised[0].by) = ("<script>".into(), Some("<script>".into()));
    assert!(!page(&hostile, &found, Lang::En).contains("<script"));
    let rows = |kind, lang| {
        let mut gatherer = Gatherer::new(kind, Period { from_ms: 0, to_ms: u64::MAX }, lang);
        let mut observer = |index, entry: &_, applied: &_| gatherer.take(index, entry, applied);
        let trust = trust(&log);
        let wanted =
            Wanted { trust: &trust, outside: Vec::new(), progress: &mut |_| {}, observer: &mut observer };
        let found = audit(BundleReader::open(&bundle(&log)[..]).unwrap(), wanted).unwrap();
        gatherer.finish(&found).0
    };
    let given = rows(RegisterKind::Disclosures, Lang::En);
    assert_eq!(
        (given.len(), given[0].who.as_str(), given[0].state.as_str()),
        (1, "boris", "written by anna")
    );
    let raised = rows(RegisterKind::Findings, Lang::En);
    let states: Vec<&str> = raised.iter().map(|row| row.state.as_str()).collect();
    let closed = format!("closed in #{}", log.tree.size() - 1);
    assert_eq!(states, [&closed[..], "open", "open", &closed[..], &closed[..]]);
    assert!(raised[..2].iter().all(|row| row.what.ends_with("; about anna")), "{}", raised[1].what);
    assert!(rows(RegisterKind::Findings, Lang::Ru)[1].state.contains("открыто"));
}

/// For a look by eye and by hand: CONCLAVE_PAGES names a folder.
fn keep(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("CONCLAVE_PAGES") {
        std::fs::write(std::path::Path::new(&folder).join(name), page).unwrap();
    }
}

#[test]
fn a_watch_that_shows_another_time_is_told_and_one_that_shows_the_same_is_not() {
    let mut log = TestLog::standard(9);
    let now_ms = log.now_ms;
    for (officer, shown_ms) in [("olga", now_ms + 60_000), ("oleg", now_ms + 7 * 3_600_000)] {
        log.act(officer, Act::ClockAttest(ClockAttest { shown_ms })).unwrap();
    }
    let (report, found) = reported(&log, confirmed(&log));
    let told = report.anomalies.iter().filter(|row| row.kind == AnomalyKind::ClockAttestedOff);
    let told: Vec<_> = told.collect();
    let [off] = &told[..] else { panic!("{told:?}") };
    assert!(off.who.as_ref().is_some_and(|who| who.contains("oleg")), "{:?}", off.who);
    assert_eq!((off.grounds, off.to.clone()), (Grounds::Entries, Some(rfc3339(now_ms + 7 * 3_600_000))));
    assert!(page(&report, &found, Lang::Ru).contains("верные часы показали другое время"));
}

#[test]
fn a_clock_that_two_officers_set_back_is_told_with_who_did_it() {
    let mut log = TestLog::standard(9);
    let to = rfc3339(log.now_ms);
    let approve = log.set_back_after_leap(40 * 24 * 3_600_000);
    log.talking("anna", &["boris"]);
    let (report, found) = reported(&log, confirmed(&log));
    assert!(matches!(found.judgement, Judgement::Verified), "{:?}", found.judgement);
    let set = report.anomalies.iter().find(|row| row.kind == AnomalyKind::ClockSet).expect("it is told");
    assert_eq!((set.index, set.other, set.to.as_deref()), (approve, Some(approve - 1), Some(&to[..])));
    assert!(set.who.as_ref().is_some_and(|who| who.contains("oleg")), "{:?}", set.who);
    assert!(report.timeline.events.iter().any(|row| (row.kind, row.index) == (EventKind::ClockSet, approve)));
    for (lang, word) in [(Lang::En, "time was set back"), (Lang::Ru, "время журнала переведено назад")]
    {
        let page = page(&report, &found, lang);
        assert!(page.contains(word), "{word}");
        assert!(page.contains(&to), "{to}");
    }
}

/// What was stamped under the wrong date belongs to the day that two officers set, and to no later one.
#[test]
fn a_register_up_to_a_day_holds_what_was_stamped_ahead_of_it() {
    let mut log = TestLog::standard(9);
    let (day_ms, to_ms) = (24 * 3_600_000, log.now_ms);
    log.now_ms += 40 * day_ms;
    log.fact(Fact::ClockStep(ClockStep { expected_ms: to_ms, found_ms: log.now_ms })).unwrap();
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("anna", chat).unwrap();
    log.act("boris", Act::Disclose(Disclose { message })).unwrap();
    let ahead = log.tree.size() - 1;
    log.of_two(&DualAct::SetClock(to_ms)).unwrap();
    log.now_ms = to_ms + 1000;
    log.act("boris", Act::Disclose(Disclose { message })).unwrap();
    let since = log.tree.size() - 1;
    let bytes = bundle(&log);
    let rows = |from_ms, to_ms| {
        let mut gatherer = Gatherer::new(RegisterKind::Disclosures, Period { from_ms, to_ms }, Lang::En);
        let mut observer = |index, entry: &_, applied: &_| gatherer.take(index, entry, applied);
        let (trust, outside) = (trust(&log), confirmed(&log));
        let wanted = Wanted { trust: &trust, outside, progress: &mut |_| {}, observer: &mut observer };
        let found = audit(BundleReader::open(&bytes[..]).unwrap(), wanted).unwrap();
        assert!(matches!(found.judgement, Judgement::Verified), "{:?}", found.judgement);
        gatherer.finish(&found).0
    };
    let today = rows(0, to_ms + day_ms);
    assert_eq!(today.iter().map(|row| row.index).collect::<Vec<_>>(), [ahead, since]);
    assert!(
        today[0].what.contains("; stamped ahead of the time, counts as of 2026-01-01"),
        "{}",
        today[0].what
    );
    assert!(!today[1].what.contains("ahead"), "{}", today[1].what);
    assert_eq!(rows(to_ms + 30 * day_ms, u64::MAX), [], "the day of the wrong date has not come");
    assert_eq!(rows(0, to_ms - 1), [], "and before the leap it was not done");
}

#[test]
fn what_is_open_stands_among_what_is_to_be_looked_at() {
    let (mut log, message) = desk();
    log.act("anna", Act::Report(MemberReport { message, reason: ReportReason::NotMine })).unwrap();
    let (report, found) = reported(&log, confirmed(&log));
    let open = report.anomalies.iter().filter(|row| row.open.is_some());
    let rows: Vec<_> =
        open.map(|row| (row.kind, row.severity.words(Lang::En), row.other, row.who.as_deref())).collect();
    // Boris' report was closed, and is not among them.
    assert_eq!(
        rows,
        [
            (AnomalyKind::FindingOpen, "warning", Some(message), Some("anna")),
            (AnomalyKind::AlarmUnacknowledged, "warning", None, None),
            (AnomalyKind::ReportOpen, "critical", Some(message), Some("anna")),
        ]
    );
    let text = auditor::report_text::text(&report, Lang::En, 200);
    let line = format!(
        "[warning] an auditor's finding at entry #{message}, severity high: rights beyond what the work needs; about anna; open, \
         nobody has acknowledged it\n"
    );
    let above = text.find("To be looked at, by the server's word alone").unwrap();
    assert!(text[..above].contains(&line), "{text}");
    for (lang, titles) in [
        (Lang::En, ["findings that are open (1)", "alarms that nobody has acknowledged (1)"]),
        (Lang::Ru, ["замечания не закрыты (1)", "тревоги, которых никто не подтвердил (1)"]),
    ] {
        let page = page(&report, &found, lang);
        assert!(titles.iter().all(|title| page.contains(title)), "{titles:?}");
        keep(&format!("open-{}.html", lang.name()), &page);
    }
    let json = console::Json::done("report", &report).line().unwrap();
    let open = r#""open":{"what":"finding","severity":"high","by":"igor","times":1,"acknowledged":null}"#;
    assert!(
        json.contains(r#""kind":"finding-open""#)
            && json.contains(open)
            && json.contains(r#""about":"anna""#)
    );
}

/// What an alarm rests on is told also where nobody has acknowledged it: in the text, on the page and in the JSON alike.
#[test]
fn an_alarm_that_nobody_has_seen_says_what_proves_it_or_that_nothing_does() {
    // Anna's signature proves nothing against boris.
    for (number, signer, grounds, weight) in
        [(11, "boris", Grounds::Proven, "critical"), (12, "anna", Grounds::Unproven, "warning")]
    {
        let mut log = TestLog::standard(number);
        let other = log.draft("boris", Act::Logout(Logout {}));
        log.create("boris", &["anna"]).unwrap();
        let first = log.tree.size() - 1;
        let evidence = pki::canonical::encode(&log.sign(signer, other).0).into();
        let person = Some(log.id("boris"));
        log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::Equivocation, person, evidence })).unwrap();
        let (report, found) = reported(&log, confirmed(&log));
        let row = report.anomalies.iter().find(|row| row.kind == AnomalyKind::AlarmUnacknowledged).unwrap();
        assert_eq!((row.grounds, row.severity.words(Lang::En)), (grounds, weight));
        let (rests, todo) = match grounds {
            Grounds::Proven => (
                [
                    format!("; proven by both signatures, the first text is #{first}; open, nobody"),
                    format!("; доказано обеими подписями, первый текст — #{first}; открыто, никто"),
                ],
                [
                    "proven by two signatures of one key, and no officer",
                    "доказанную двумя подписями одного ключа",
                ],
            ),
            Grounds::Entries | Grounds::Unproven | Grounds::Claim => (
                [
                    "; what the server kept does not prove it; open, nobody".to_owned(),
                    "; сохранённое сервером этого не доказывает; открыто, никто".to_owned(),
                ],
                ["but what it kept does not prove it; and no officer", "но сохранённое им её не доказывает"],
            ),
        };
        for (lang, rests, todo) in [(Lang::En, &rests[0], todo[0]), (Lang::Ru, &rests[1], todo[1])] {
            let (text, page) = (auditor::report_text::text(&report, lang, 200), page(&report, &found, lang));
            assert!(text.contains(rests) && page.contains(rests), "{rests}: {text}");
            assert!(page.contains(todo), "{todo}");
        }
    }
}
