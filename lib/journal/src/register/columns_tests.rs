use super::*;

fn row(index: Index) -> Row {
    let small = (index % 1000) as u32;
    Row {
        index,
        conversation: small,
        item: small / 3,
        author: small % 7,
        size: SizeClass(8 + (index % 11) as u8),
        label: Clearance((index % 6) as u8),
        precedence: [Precedence::Routine, Precedence::Priority, Precedence::Immediate, Precedence::Flash]
            [index as usize % 4],
        flags: (index % 2) as u8 * 5,
    }
}

fn messages(rows: &[Row]) -> Messages {
    let mut messages = Messages::default();
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(messages.push(*row), number as u32);
    }
    messages
}

fn digested(messages: &Messages) -> Vec<u8> {
    let mut bytes = Vec::new();
    minicbor::encode_with(messages, &mut bytes, &mut ForDigest).unwrap();
    bytes
}

#[test]
fn columns_hold_what_rows_would_hold() {
    // More than two blocks, and indices of more than 32 bits.
    let indices = (0..10_000u64).map(|n| n * 3 + 5).chain([1 << 33, (1 << 33) + 1, (1 << 40) - 3]);
    let rows: Vec<Row> = indices.map(row).collect();
    let mut messages = messages(&rows);
    assert_eq!(messages.len() as usize, rows.len());
    assert!(messages.rows(0..messages.len()).eq(rows.iter().copied()));
    for (number, row) in rows.iter().enumerate() {
        let number = number as u32;
        assert_eq!((messages.find(row.index), messages.before(row.index)), (Some(number), number));
        assert_eq!(messages.find(row.index + 2), None);
    }
    assert_eq!((messages.before(0), messages.before(u64::MAX)), (0, messages.len()));
    assert_eq!((messages.find(0), messages.find(u64::MAX)), (None, None));
    assert_eq!(Messages::default().find(3), None);
    messages.erase(9_999);
    assert_eq!(messages.row(9_999).flags, rows[9_999].flags | ERASED);
    assert_eq!(messages.row(9_998), rows[9_998]);
}

#[test]
fn the_bytes_are_those_of_an_array_of_blocks_and_rows() {
    let rows: Vec<Row> = (0..9_000).map(row).collect();
    for length in [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS, 9_000] {
        let messages = messages(&rows[..length]);
        let bytes = pki::canonical::encode(&messages);
        let (whole, rest) = rows[..length].as_chunks::<BLOCK_ROWS>();
        assert!(bytes.len() < 20 + whole.len() * (BLOCK_ROWS * 9 + 40) + rest.len() * 16, "{}", bytes.len());
        assert_eq!(pki::canonical::decode::<Messages>(&bytes).unwrap(), messages);
        // A block's worth of rows is a block, and in no other way.
        let spelt = pki::canonical::decode::<Messages>(&pki::canonical::encode(&rows[..length].to_vec()));
        assert_eq!(spelt.is_ok(), whole.is_empty(), "{length}");
    }
    for odd in [Row { flags: 64, ..row(1) }, Row { index: 1 << 40, ..row(1) }] {
        assert!(pki::canonical::decode::<Messages>(&pki::canonical::encode(&vec![odd])).is_err());
    }
}

#[test]
fn kept_digests_are_those_that_would_be_reckoned_anew() {
    let rows: Vec<Row> = (0..2 * BLOCK_ROWS as u64 + 5).map(|n| row(3 * n)).collect();
    let mut messages = messages(&rows);
    let mut before = digested(&messages);
    assert!(before.len() < 3000, "two digests and five rows, not {} bytes", before.len());
    for number in [0, BLOCK_ROWS as u32 - 1, BLOCK_ROWS as u32, messages.len() - 1] {
        messages.erase(number);
        let fresh: Messages = minicbor::decode(&minicbor::to_vec(&messages).unwrap()).unwrap();
        let now = digested(&messages);
        assert!(now != before && now == digested(&fresh), "row {number}");
        before = now;
    }
    assert!(messages.are_as_kept());
    messages.blocks[0].author.flip(7);
    assert!(!messages.are_as_kept(), "a flipped bit");
}

/// Rules of version 1 named this digest before there were blocks: below one it is of the same bytes.
#[test]
fn below_one_block_the_form_is_that_of_a_snapshot() {
    let rows: Vec<Row> = (0..BLOCK_ROWS as u64).map(row).collect();
    let mut short = messages(&rows[..BLOCK_ROWS - 1]);
    assert_eq!(digested(&short), minicbor::to_vec(&short).unwrap());
    short.push(rows[BLOCK_ROWS - 1]);
    assert_ne!(digested(&short), minicbor::to_vec(&short).unwrap());
}

#[test]
fn a_block_holds_no_label_that_there_is_not() {
    let rows: Vec<Row> = (0..BLOCK_ROWS as u64).map(row).collect();
    let bytes = messages(&rows).blocks[0].packed();
    assert!(Block::unpacked(&bytes).is_some());
    for label in [6, 7] {
        let mut odd = bytes.clone();
        let last = odd.len() - 2;
        odd[last] = odd[last] & 31 | label << LABEL_AT;
        assert!(Block::unpacked(&odd).is_none(), "{label}");
    }
    assert!(
        Block::unpacked(&bytes[..bytes.len() - 2]).is_none()
            && Block::unpacked(&[&bytes[..], &[0; 2]].concat()).is_none()
    );
}

/// Reckoned from FORMAT.md, section 14, by another program.
#[test]
fn a_block_is_spelled_as_format_says() {
    let rows: Vec<Row> = (0..BLOCK_ROWS as u64).map(row).collect();
    let hash: Hash = Sha256::digest(pki::canonical::encode(&messages(&rows))).into();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "877324a3bb6a2fe8fb325544da333a1eede2648db7cacbeca5d744c7be98f7c2");
}
