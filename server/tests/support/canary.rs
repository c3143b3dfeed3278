//! Words that must stand nowhere, and the search for them in every encoding in which a program may leave them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What must stand nowhere, in every dress in which a program may leave it.
pub(crate) fn dresses(canary: &str) -> Vec<Vec<u8>> {
    let utf16: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut dresses = vec![canary.as_bytes().to_vec(), utf16.clone()];
    for plain in [canary.as_bytes(), &utf16] {
        // A third of three bytes may stand before it; the groups that it does not fill alone are cut off.
        for before in 0..3 {
            let groups = (plain.len() - (3 - before) % 3) / 3 * 3;
            let from = (3 - before) % 3;
            dresses.push(STANDARD_NO_PAD.encode(&plain[from..from + groups]).into_bytes());
        }
    }
    dresses
}

/// Does it stand there, in any of them?
pub(crate) fn stands_in(haystack: &[u8], canary: &str) -> bool {
    dresses(canary).iter().any(|dress| {
        let (first, rest) = dress.split_first().unwrap();
        haystack.iter().enumerate().any(|(at, byte)| byte == first && haystack[at + 1..].starts_with(rest))
    })
}
