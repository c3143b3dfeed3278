//! Armour: DER between BEGIN and END lines (RFC 7468).
//! Never interprets what is inside.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Largest text that is read, in bytes.
pub const PEM_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Label of certificates.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// Label of certificate revocation lists.
pub const CRL: &str = "X509 CRL";
/// Label of certificate requests.
pub const REQUEST: &str = "CERTIFICATE REQUEST";

/// Why a text is not armour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPem {
    /// More than [`PEM_BYTES_MAX`].
    #[error("the text is too long")]
    TooLong,
    /// A block begins and does not end, or ends under another label.
    #[error("the block that begins in line {line} does not end")]
    NoEnd {
        /// Line of its BEGIN, counted from 1.
        line: usize,
    },
    /// Not base64, or with characters that do not belong there.
    #[error("the block that begins in line {line} is not base64")]
    NotBase64 {
        /// Line of its BEGIN, counted from 1.
        line: usize,
    },
}

/// All blocks of this label, in order. Text outside blocks and blocks of other labels are passed over.
pub fn decode(text: &str, label: &str) -> Result<Vec<Vec<u8>>, BadPem> {
    if text.len() > PEM_BYTES_MAX {
        return Err(BadPem::TooLong);
    }
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end).enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(name) = line.strip_prefix("-----BEGIN ").and_then(|line| line.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {name}-----");
        let mut body = String::new();
        loop {
            let (_, line) = lines.next().ok_or(BadPem::NoEnd { line: at + 1 })?;
            if line == end {
                break;
            }
            if line.starts_with("-----") {
                return Err(BadPem::NoEnd { line: at + 1 });
            }
            body.push_str(line.trim());
        }
        if name == label {
            blocks.push(STANDARD.decode(&body).map_err(|_| BadPem::NotBase64 { line: at + 1 })?);
        }
    }
    Ok(blocks)
}

/// One block of this label, with lines of 64 characters.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text =
            format!("hello\n{}bye\n{}{}", encode("A", &[1; 100]), encode("B", &[2]), encode("A", &[3]));
        assert_eq!(decode(&text, "A").unwrap(), [vec![1; 100], vec![3]]);
        assert_eq!(decode("-----BEGIN A-----\nAQ==\n", "A"), Err(BadPem::NoEnd { line: 1 }));
        assert_eq!(
            decode("\n-----BEGIN A-----\nAQ=\n-----END A-----\n", "A"),
            Err(BadPem::NotBase64 { line: 2 })
        );
        assert_eq!(decode("", "A").unwrap(), Vec::<Vec<u8>>::new());
    }
}
