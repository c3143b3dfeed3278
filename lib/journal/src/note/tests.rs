use pki::{SecretKey, Suite};

use super::*;

/// The example of Go's golang.org/x/mod/sumdb/note (package documentation and note_test.go): keys and signatures.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// The 32-byte seed inside PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz.
const PETER_SEED: &str = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn note(lines: &str) -> Result<SignedNote, Malformed> {
    SignedNote::parse(format!("{TEXT}\n{lines}").as_bytes())
}

#[test]
fn peters_note_is_made_and_verified_to_the_byte() {
    let secret = SecretKey::from_bytes(Suite::Ed25519, &STANDARD.decode(PETER_SEED).unwrap()).unwrap();
    let peter = VerifierKey::new("PeterNeumann".parse().unwrap(), secret.public().clone()).unwrap();
    assert_eq!(peter.to_string(), PETER);
    let signed = SignedNote::sign(TEXT.into(), &[NoteSigner { key: &peter, signer: &secret }]).unwrap();
    assert_eq!(signed.to_string(), format!("{TEXT}\n{PETER_LINE}"));
    assert_eq!(signed.verify(std::slice::from_ref(&peter)), Ok(vec![&peter]));
}

/// The example at the end of C2SP's signed-note.md.
#[test]
fn the_example_of_the_specification_verifies() {
    let known = [key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")];
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = SignedNote::parse(note.as_bytes()).unwrap();
    assert_eq!(note.verify(&known).unwrap(), [&known[0]]);
}

/// ECDSA notes of Sigstore's Rekor and of the Pixel 6 log, as github.com/transparency-dev/formats tests them.
#[test]
fn ecdsa_notes_of_others_verify() {
    let rekor = "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=";
    let pixel = "pixel6_transparency_log+91c16e30+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+4x0Jk1yTwvLFI9A4NDdGZcX0aiWVdWM5XJVy0M4VWD3AvyW5Q6Hs9A0mcDkpUoYgn+KKPNzFC0H3nN3q6JQ8=";
    let rekor_note = "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n— rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n";
    let pixel_note = "DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n\n— pixel6_transparency_log kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoCIGD0cNe47dHWBoPwYdgBCepB06/+g5O1FmYjXl06owL4\n";
    for (text, note) in [(rekor, rekor_note), (pixel, pixel_note)] {
        let known = [key(text)];
        assert_eq!(known[0].to_string(), text);
        let parsed = SignedNote::parse(note.as_bytes()).unwrap();
        assert_eq!(parsed.verify(&known).unwrap(), [&known[0]]);
        let other = SignedNote::parse(format!("x{note}").as_bytes()).unwrap();
        assert!(matches!(other.verify(&known), Err(NotSigned::BadSignature { .. })));
    }
}

#[test]
fn an_ecdsa_site_signs_in_der() {
    let secret = SecretKey::from_bytes(Suite::EcdsaP256, &[7; 32]).unwrap();
    let known = [VerifierKey::new("conclave/site".parse().unwrap(), secret.public().clone()).unwrap()];
    let signed = SignedNote::sign(TEXT.into(), &[NoteSigner { key: &known[0], signer: &secret }]).unwrap();
    assert_eq!(signed.lines()[0].signature[0], 0x30);
    let read = SignedNote::parse(signed.to_string().as_bytes()).unwrap();
    assert_eq!(read.verify(&known), Ok(vec![&known[0]]));
}

#[test]
fn unknown_signers_are_passed_over_and_known_ones_must_verify() {
    let (peter, enoch) = (key(PETER), key(ENOCH));
    let both = note(&[PETER_LINE, ENOCH_LINE].concat()).unwrap();
    assert_eq!(both.verify(std::slice::from_ref(&peter)), Ok(vec![&peter]));
    assert_eq!(both.verify(&[peter.clone(), enoch.clone()]).unwrap().len(), 2);
    assert_eq!(both.verify(&[]), Err(NotSigned::NoKnownKey));
    let twice = [enoch.clone(), peter.clone(), enoch.clone()];
    assert_eq!(both.verify(&twice), Err(NotSigned::AmbiguousKey { name: enoch.name().clone() }));
    // One bad line by a known key spoils the note; the same name under another id is an unknown key.
    let forged = note(&[ENOCH_LINE, &PETER_LINE.replace("x08go/ZJ", "x08go/ZK")].concat()).unwrap();
    let known = [peter.clone(), enoch.clone()];
    assert_eq!(forged.verify(&known), Err(NotSigned::BadSignature { name: peter.name().clone() }));
    let other_id = note(&PETER_LINE.replace("x08go/", "x08gp/")).unwrap();
    assert_eq!(other_id.verify(&known), Err(NotSigned::NoKnownKey));
    assert_eq!(both.verify_line(0, &peter), Ok(()));
    assert_eq!(both.verify_line(0, &enoch), Err(NotSigned::NoKnownKey));
    assert_eq!(both.verify_line(2, &enoch), Err(NotSigned::NoKnownKey));
}

#[test]
fn malformed_notes_are_refused_by_their_fault() {
    let parse = |text: &str| SignedNote::parse(text.as_bytes()).map(|note| note.to_string());
    let line = PETER_LINE;
    let malformed = Err(Malformed::SignatureLine { line: 1 });
    assert_eq!(parse(TEXT), Err(Malformed::NoSignatures));
    assert_eq!(parse(&format!("{TEXT}\n")), Err(Malformed::NoSignatures));
    assert_eq!(parse(&format!("{TEXT}\n{}", line.trim_end())), Err(Malformed::NoNewline));
    assert_eq!(parse(&format!("\u{1}{TEXT}\n{line}")), Err(Malformed::NotText));
    assert_eq!(parse(&format!("a\r\n{TEXT}\n{line}")), Err(Malformed::NotText));
    assert_eq!(
        SignedNote::parse(&[b"\xff", format!("{TEXT}\n{line}").as_bytes()].concat()),
        Err(Malformed::NotText)
    );
    assert_eq!(
        parse(&format!("{TEXT}\n{line}Unexpected line.\n")),
        Err(Malformed::SignatureLine { line: 2 })
    );
    for (from, to) in [
        ("PeterNeumann", "Bad Name"),
        ("PeterNeumann", "Bad+Name"),
        ("PeterNeumann", "Bad\u{a0}Name"),
        ("PeterNeumann", "Bad\tName"),
        ("PeterNeumann ", ""),
        ("— ", "- "),
        ("— ", "—"),
        ("AM=", "AM"),
        ("AM=", "AN="),
        ("AM=\n", "AM= \n"),
        ("AM=\n", "AM=\r\n"),
    ] {
        assert_eq!(parse(&format!("{TEXT}\n{}", line.replace(from, to))), malformed, "{from:?} -> {to:?}");
    }
    // A key id alone is no signature.
    assert_eq!(parse(&format!("{TEXT}\n— PeterNeumann x08gow==\n")), malformed);
    // An empty line inside the text belongs to the text.
    let poem = format!("a\n\nb\n\n\n{line}");
    assert_eq!(SignedNote::parse(poem.as_bytes()).unwrap().text(), "a\n\nb\n\n");
    assert_eq!(parse(&poem), Ok(poem));
}

#[test]
fn limits_are_kept() {
    assert_eq!(note(&PETER_LINE.repeat(SIGNATURE_LINES_MAX)).unwrap().lines().len(), SIGNATURE_LINES_MAX);
    assert_eq!(note(&PETER_LINE.repeat(SIGNATURE_LINES_MAX + 1)), Err(Malformed::TooManySignatures));
    let long = "x".repeat(NOTE_BYTES_MAX + 1);
    assert_eq!(SignedNote::parse(long.as_bytes()), Err(Malformed::TooLong { bytes: long.len() }));
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap();
    let own = VerifierKey::new("me".parse().unwrap(), secret.public().clone()).unwrap();
    let signer = NoteSigner { key: &own, signer: &secret };
    let sign = |text: &str, signers: &[NoteSigner<'_>]| SignedNote::sign(text.into(), signers);
    assert_eq!(sign("no newline", &[signer]), Err(Malformed::NoNewline.into()));
    assert_eq!(sign("a\u{7}\n", &[signer]), Err(Malformed::NotText.into()));
    assert_eq!(sign("a\n", &[]), Err(Malformed::NoSignatures.into()));
    assert_eq!(sign("a\n", &[signer; SIGNATURE_LINES_MAX + 1]), Err(Malformed::TooManySignatures.into()));
    // A signer under another key's name makes nothing.
    let peter = key(PETER);
    let wrong = NoteSigner { key: &peter, signer: &secret };
    assert_eq!(sign("a\n", &[wrong]), Err(SignError { suite: Suite::Ed25519 }.into()));
}

/// The manglings of Go's TestNewVerifier: every part of the key, and every byte one higher.
#[test]
fn mangled_verifier_keys_are_refused() {
    for start in 0..PETER.len() {
        for end in start + 1..=PETER.len() {
            if (start, end) != (0, PETER.len()) {
                assert!(PETER[start..end].parse::<VerifierKey>().is_err());
            }
        }
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[start] += 1;
        assert!(String::from_utf8(bytes).unwrap().parse::<VerifierKey>().is_err());
    }
    let parse = |text: &str| text.parse::<VerifierKey>();
    // Wrong length with adjusted id, unknown type with adjusted id: also Go's.
    let long = parse("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==");
    assert!(matches!(long, Err(BadKey::Malformed | BadKey::Key(_))));
    let unknown = parse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    assert_eq!(unknown, Err(BadKey::UnknownType { kind: 0x65 }));
    assert_eq!(parse(&PETER.replace("c74f20a3", "C74F20A3")), Err(BadKey::WrongId));
    assert_eq!(parse(&PETER.replace("c74f20a3", "c74f20a4")), Err(BadKey::WrongId));
}
