//! Files: every length comes back, and a chunk that is moved, missing, doubled or resealed is found.
use super::*;
use crate::seal::testing::{Rng, text_place};
use journal::tree::Tree;
use proptest::prelude::*;

const SUITE: Suite = Suite::Ed25519;
const FULL: usize = (256 << 10) - 4;

fn place() -> FilePlace {
    let at = text_place();
    FilePlace { log: at.log, conversation: at.conversation, reservation: ReservationId([4; 16]) }
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n % 251) as u8 ^ (n >> 12) as u8).collect()
}

struct Sent {
    claim: FileClaim,
    info: FileInfo,
    bodies: Vec<Body>,
}

impl Sent {
    fn opener(&self) -> FileOpener<'_> {
        FileOpener::new(SUITE, place().log, place().conversation, &self.claim, &self.info).unwrap()
    }

    fn proof(&self, number: u32) -> InclusionProof {
        let mut tree = Tree::new();
        self.bodies.iter().for_each(|body| _ = tree.append(chunk_leaf(&body.commitment())));
        tree.inclusion_proof(u64::from(number) - 1, tree.size()).unwrap()
    }
}

fn send(content: &[u8]) -> Sent {
    let mut rng = Rng::seeded(content.len() as u64);
    let mut sealer = FileSealer::new(SUITE, place(), content.len() as u64, &mut rng).unwrap();
    let (mut rest, mut bodies) = (content, Vec::new());
    while let Some((number, bytes)) = sealer.wants() {
        let (piece, after) = rest.split_at(bytes);
        let (sealed, body) = sealer.seal_next(piece, &mut rng).unwrap();
        assert_eq!((sealed, body.size()), (number, sealer.class()));
        bodies.push(body);
        rest = after;
    }
    assert!(rest.is_empty());
    assert_eq!(bodies.len() as u32, sealer.chunks());
    let (claim, info) = sealer.finish("plan.pdf".into(), None).unwrap();
    assert_eq!(claim.root, chunk_root(bodies.iter().map(Body::commitment)));
    Sent { claim, info, bodies }
}

fn receive(sent: &Sent) -> Result<Vec<u8>, BadFile> {
    let (mut opener, mut content) = (sent.opener(), Vec::new());
    for body in &sent.bodies {
        content.extend_from_slice(&opener.open_next(body.bytes())?);
    }
    opener.finish()?;
    Ok(content)
}

#[test]
fn every_length_around_a_chunk_comes_back() {
    for (bytes, chunks) in [
        (0, 1),
        (1, 1),
        (252, 1),
        (253, 1),
        (FULL - 1, 1),
        (FULL, 1),
        (FULL + 1, 2),
        (2 * FULL, 2),
        (3 * FULL + 77, 4),
    ] {
        let (text, sent) = (content(bytes), send(&content(bytes)));
        assert_eq!(sent.claim.chunks, chunks, "{bytes} bytes");
        assert!(receive(&sent).unwrap() == text, "{bytes} bytes");
    }
}

#[test]
fn any_chunk_opens_by_itself_with_its_path_only() {
    let (text, sent) = (content(4 * FULL + 9), send(&content(4 * FULL + 9)));
    let opener = sent.opener();
    for number in [5, 1, 3] {
        let body = sent.bodies[number as usize - 1].bytes();
        let start = (number as usize - 1) * FULL;
        let piece = opener.open(number, body, &sent.proof(number)).unwrap();
        assert!(piece.as_slice() == &text[start..text.len().min(start + FULL)]);
        let other = number % 5 + 1;
        assert_eq!(
            opener.open(number, body, &sent.proof(other)).err(),
            Some(BadFile::NotUnderRoot { number })
        );
        assert!(matches!(opener.open(other, body, &sent.proof(other)), Err(BadFile::Chunk { .. })));
    }
    for number in [0, 6, u32::MAX] {
        let opened = opener.open(number, sent.bodies[0].bytes(), &sent.proof(1));
        assert_eq!(opened.err(), Some(BadFile::NoChunk { number, chunks: 5 }));
    }
}

#[test]
fn chunks_out_of_order_missing_or_too_many_are_refused() {
    let sent = send(&content(2 * FULL + 5));
    let mut opener = sent.opener();
    let wrong = BadFile::Chunk { number: 1, why: BadBody::WrongKey };
    assert_eq!(opener.open_next(sent.bodies[1].bytes()).err(), Some(wrong));
    // A refused chunk changes nothing.
    for body in &sent.bodies[..2] {
        opener.open_next(body.bytes()).unwrap();
    }
    assert_eq!(opener.wants(), Some(3));
    opener.open_next(sent.bodies[2].bytes()).unwrap();
    assert_eq!(opener.wants(), None);
    let more = opener.open_next(sent.bodies[2].bytes());
    assert_eq!(more.err(), Some(BadFile::NoChunk { number: 4, chunks: 3 }));
    opener.finish().unwrap();
    let mut short = sent.opener();
    short.open_next(sent.bodies[0].bytes()).unwrap();
    assert_eq!(short.finish(), Err(BadFile::Unfinished { opened: 1, chunks: 3 }));
}

/// A sender who binds his chunks in another order than their numbers: the path is right, but for another place.
#[test]
fn a_path_of_another_place_is_refused() {
    let mut sent = send(&content(FULL + 1));
    sent.bodies.swap(0, 1);
    sent.claim.root = chunk_root(sent.bodies.iter().map(Body::commitment));
    let opened = sent.opener().open(1, sent.bodies[1].bytes(), &sent.proof(2));
    assert_eq!(opened.err(), Some(BadFile::NotUnderRoot { number: 1 }));
}

/// A member who holds the file's key reseals a chunk with other content: each chunk opens, the whole is refused.
#[test]
fn a_chunk_resealed_by_another_member_is_found() {
    let mut sent = send(&content(2 * FULL));
    let lock = Lock::chunk(SUITE, &sent.info.key, &place().chunk(2)).unwrap();
    let honest = sent.proof(2);
    sent.bodies[1] = body::seal(&lock, SizeClass::CHUNK_MAX, &vec![0; FULL], &mut Rng::seeded(3)).unwrap();
    let forged = sent.bodies[1].bytes();
    assert_eq!(sent.opener().open(2, forged, &honest).err(), Some(BadFile::NotUnderRoot { number: 2 }));
    assert_eq!(receive(&sent), Err(BadFile::OtherChunks));
    // Of another length it does not even open.
    sent.bodies[1] = body::seal(&lock, SizeClass::CHUNK_MAX, b"short", &mut Rng::seeded(3)).unwrap();
    assert_eq!(receive(&sent), Err(BadFile::Piece { number: 2, found: 5, expected: FULL }));
    sent.bodies[1] = body::seal(&lock, SizeClass(8), b"short", &mut Rng::seeded(3)).unwrap();
    assert!(matches!(receive(&sent), Err(BadFile::Chunk { number: 2, why: BadBody::Length { .. } })));
}

#[test]
fn a_sender_who_contradicts_himself_is_found() {
    let mut sent = send(&content(1000));
    sent.info.sha256[0] ^= 1;
    assert_eq!(receive(&sent), Err(BadFile::OtherContent));
    sent.info.bytes = 5 * FULL as u64;
    let opener = FileOpener::new(SUITE, place().log, place().conversation, &sent.claim, &sent.info);
    assert!(matches!(opener.err(), Some(BadFile::Misfit { claimed: 1, .. })));
    sent.info.chunk_size = SizeClass(40);
    let opener = FileOpener::new(SUITE, place().log, place().conversation, &sent.claim, &sent.info);
    assert!(matches!(opener.err(), Some(BadFile::Misfit { .. })));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_sent() {
    let mut rng = Rng::seeded(1);
    let mut sealer = FileSealer::new(SUITE, place(), 1000, &mut rng).unwrap();
    let piece = |found, expected| Err(FileError::Piece { number: 1, found, expected });
    assert_eq!(sealer.seal_next(&[0; 999], &mut rng), piece(999, 1000));
    assert_eq!(sealer.seal_next(&[0; 1001], &mut rng), piece(1001, 1000));
    sealer.seal_next(&[0; 1000], &mut rng).unwrap();
    assert_eq!(sealer.seal_next(&[], &mut rng), piece(0, 0));
    let sealer = FileSealer::new(SUITE, place(), 1000, &mut rng).unwrap();
    let unfinished = FileError::Unfinished { sealed: 0, chunks: 1 };
    assert_eq!(sealer.finish("a".into(), None).err(), Some(unfinished));
}

#[test]
fn lengths_at_the_limit() {
    assert_eq!(chunk_class(0), SizeClass::MIN);
    assert_eq!(chunk_class(FULL as u64), SizeClass::CHUNK_MAX);
    assert_eq!(chunk_class(u64::MAX), SizeClass::CHUNK_MAX);
    assert_eq!(FILE_BYTES_MAX, 65_535 * FULL as u64);
    assert_eq!(chunk_count(FILE_BYTES_MAX, SizeClass::CHUNK_MAX), Some(65_535));
    assert_eq!(chunk_count(FILE_BYTES_MAX + 1, SizeClass::CHUNK_MAX), None);
    assert_eq!(chunk_count(u64::MAX, SizeClass::MIN), None);
    let long = FileSealer::new(SUITE, place(), FILE_BYTES_MAX + 1, &mut Rng::seeded(1));
    assert_eq!(long.err(), Some(FileError::TooLong { bytes: FILE_BYTES_MAX + 1 }));
    let gost = FileSealer::new(Suite::Gost256, place(), 1, &mut Rng::seeded(1));
    assert_eq!(gost.err(), Some(FileError::Unsupported(Unsupported(Suite::Gost256))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_content_comes_back(content in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let sent = send(&content);
        prop_assert_eq!(receive(&sent), Ok(content));
    }
}
