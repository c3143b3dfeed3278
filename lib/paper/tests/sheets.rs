//! Every sheet in both languages: same arguments, same bytes; the text can be found again; it fits its pages.
//! `pdftotext` (poppler-utils) is used where it is installed; otherwise its tests are skipped by name.

use std::io::Write;
use std::process::{Command, Stdio};

use paper::{CheckpointSheet, Envelope, ErasureCertificate, Lang, PaperError, Pdf, SiteCardSheet};

/// 2026-11-21 17:53:08 UTC.
const AT_MS: u64 = 1_795_283_588_000;

/// The groups of a one-time password.
const PASSWORD: [&str; 4] = ["2222E", "2222T", "22227", "2222K"];

fn envelope(lang: Lang, full_name: &str) -> Result<Pdf, PaperError> {
    Envelope {
        site: "Узел «Восток»",
        number: 17,
        full_name,
        login: "a.korolyova",
        unit: "3-й отдел, группа связи",
        password: PASSWORD,
        issued_ms: AT_MS,
        lang,
    }
    .pdf()
}

/// The longest names that a certificate can hold (8 steps of 64 letters, 4 bytes each) fit on their sheet: it may take
/// more pages.
#[test]
fn whoever_has_a_certificate_gets_an_envelope() {
    for letter in ["Щ", "\u{10400}"] {
        let unit = [letter.repeat(64).as_str(); 8].join(" / ");
        let (full_name, site) = (letter.repeat(64), letter.repeat(48));
        let login = "w".repeat(32);
        let envelope = Envelope {
            site: &site,
            number: u64::MAX,
            full_name: &full_name,
            login: &login,
            unit: &unit,
            password: PASSWORD,
            issued_ms: AT_MS,
            lang: Lang::Ru,
        };
        envelope.pdf().expect("it fits");
    }
    let address = ["a".repeat(512).as_str(); 8].join(", ");
    let card = SiteCardSheet {
        site: "Узел",
        address: &address,
        server_name: "conclave",
        suite: "ed25519",
        fingerprint: &[0xa7; 32],
        code: b"card",
        issued_ms: AT_MS,
        lang: Lang::En,
    };
    card.pdf().expect("it fits");
}

const NOTE: &str = "conclave/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\n\
    1234567\nR/FvIG1IIVR7s0Xg4OImX0kkV8Qd3Fh4lK0xZXt4Yms=\n\n\
    — conclave/period/327 4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQ\n\
    — conclave/identity gk2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQyQ4m2Xk0Zr1lO4x3pQ\n";

fn all(lang: Lang) -> Vec<(&'static str, Pdf)> {
    let card = format!("-----BEGIN CONCLAVE SITE CARD-----\n{}\n", "QUJDREVGR0g".repeat(90));
    let site_card = SiteCardSheet {
        site: "Узел «Восток»",
        address: "10.20.30.40:4433",
        server_name: "conclave",
        suite: "Ed25519, X25519, ChaCha20-Poly1305",
        fingerprint: &[0xa7; 32],
        code: card.as_bytes(),
        issued_ms: AT_MS,
        lang,
    };
    let checkpoint = CheckpointSheet {
        era: 0,
        site: "Узел «Восток»",
        size: 1_234_567,
        root: &[0x47; 32],
        note: NOTE,
        printed_ms: AT_MS,
        lang,
    };
    let erasure = ErasureCertificate {
        site: "Узел «Восток»",
        erase_index: 812,
        erased_index: 815,
        epoch: 9,
        what: &["беседа 7 целиком: 1 204 сообщения, 3 файла", "беседа 12, сообщение № 640"],
        ordered_by: &["Королёва Алёна Игоревна (запись № 810)", "Орлов Олег Петрович (запись № 811)"],
        released: &["прочитали, по заявлениям в журнале: 3"],
        cell: "файл (для разработки)",
        limits: &["Ячейка в файле: прежний корень мог остаться в копиях носителя."],
        head_size: 816,
        head_root: &[0x1c; 32],
        erased_ms: AT_MS,
        lang,
    };
    vec![
        ("envelope", envelope(lang, "Королёва Алёна Игоревна").expect("it fits")),
        ("site-card", site_card.pdf().expect("it fits")),
        ("checkpoint", checkpoint.pdf().expect("it fits")),
        ("erasure", erasure.pdf().expect("it fits")),
    ]
}

/// The text of a PDF by the stock tool, `None` (said) where it is not installed.
fn extracted(pdf: &[u8]) -> Option<String> {
    let child = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: pdftotext is not installed (poppler-utils)");
        return None;
    };
    child.stdin.take().expect("it is piped").write_all(pdf).expect("the tool reads everything");
    let output = child.wait_with_output().expect("the tool ends");
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).expect("the tool writes UTF-8"))
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    for lang in [Lang::En, Lang::Ru] {
        for ((name, one), (_, two)) in all(lang).into_iter().zip(all(lang)) {
            assert!(one == two, "{name}");
            assert!(one.starts_with(b"%PDF-") && one.len() < 120_000, "{name}: {} bytes", one.len());
        }
    }
    assert!(envelope(Lang::Ru, "Анна") != envelope(Lang::Ru, "Яна"));
}

#[test]
fn an_envelope_says_everything_in_cyrillic_that_can_be_read_back() {
    let pdf = envelope(Lang::Ru, "Королёва Алёна Игоревна").expect("it fits");
    let Some(text) = extracted(&pdf) else { return };
    for wanted in
        ["Конверт № 17", "Королёва Алёна Игоревна", "a.korolyova", "21.11.2026", "Узел «Восток»", "талон"]
    {
        assert!(text.contains(wanted), "{wanted} in\n{text}");
    }
    let printed = PASSWORD.join(" ");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&printed), "{printed} in\n{text}");
    assert_eq!(text.matches('\u{c}').count(), 1, "one page");
    assert!(!text.contains('\u{FFFD}'));
}

#[test]
fn every_sheet_fits_one_page_and_has_no_letter_that_cannot_be_printed() {
    for lang in [Lang::En, Lang::Ru] {
        for (name, pdf) in all(lang) {
            // For looking at them: CONCLAVE_SHEETS=DIR cargo test -p paper
            if let Some(dir) = std::env::var_os("CONCLAVE_SHEETS") {
                let path = std::path::Path::new(&dir).join(format!("{name}-{lang:?}.pdf"));
                std::fs::write(path, &*pdf).expect("the directory can be written");
            }
            let Some(text) = extracted(&pdf) else { return };
            assert_eq!(text.matches('\u{c}').count(), 1, "{name} {lang:?} has one page");
            assert!(!text.contains('\u{FFFD}'), "{name}");
        }
    }
}

#[test]
fn an_envelope_with_the_longest_fields_still_keeps_its_slip_together() {
    let name = "Константинопольская-Преображенская Александра Владимировна, ".repeat(3);
    let pdf = envelope(Lang::Ru, &name).expect("it fits");
    let Some(text) = extracted(&pdf) else { return };
    let page = text.split('\u{c}').find(|page| page.contains("Талон к конверту")).expect("there is a slip");
    assert!(page.contains("Выдал"), "{page}");
}

#[test]
fn what_does_not_fit_is_named() {
    assert!(matches!(
        envelope(Lang::Ru, &"я".repeat(3000)),
        Err(PaperError::FieldTooLong { field: "full name", bytes: 6000, .. })
    ));
}

#[test]
fn a_hostile_name_is_printed_harmlessly() {
    let pdf = envelope(Lang::Ru, "Ан\u{1b}[2Jна\u{202e}\u{10FFFD}").expect("it fits");
    let Some(text) = extracted(&pdf) else { return };
    assert!(text.contains("[2Jна") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_note_is_read_back_from_the_printed_code_letter_by_letter() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (pdf_path, page) = (dir.path().join("sheet.pdf"), dir.path().join("page"));
    for (name, pdf) in all(Lang::Ru).into_iter().filter(|(name, _)| *name == "checkpoint") {
        std::fs::write(&pdf_path, &*pdf).expect("it can be written");
        let drawn = Command::new("pdftoppm").args(["-r", "150", "-gray"]).args([&pdf_path, &page]).status();
        if drawn.is_err() {
            println!("skipped: pdftoppm is not installed (poppler-utils)");
            return;
        }
        let image = dir.path().join("page-1.pgm");
        let Ok(read) = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(image).output() else {
            println!("skipped: zbarimg is not installed (zbar-tools)");
            return;
        };
        // The tool ends what it read with a line end of its own.
        assert_eq!(String::from_utf8_lossy(&read.stdout), format!("{NOTE}\n"), "{name}");
    }
}
