//! Name constraints (RFC 5280 4.2.1.10): whether the names in a certificate keep within an authority's bounds.
//! Never passes a name or a constraint it cannot compare: that is a refusal.
use crate::certificate::Certificate;
use crate::oids;
use crate::x509::extension::NameConstraints;
use crate::x509::general_name::GeneralName;
use crate::x509::name::Name;

/// Most comparisons of one name with one subtree in one path: beyond it a path is refused, not computed.
pub const NAME_COMPARISONS_MAX: usize = 1 << 18;

/// How a certificate breaks a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintBreach {
    /// The constraint is of a form we cannot compare, or malformed.
    #[error("a name constraint of a kind that is not understood")]
    UnknownConstraint,
    /// A name in the certificate cannot be compared.
    #[error("the name {0} cannot be compared with the constraints")]
    UnknownName(String),
    /// Names of this form are bound, and this one is outside.
    #[error("the name {0} lies outside the permitted subtrees")]
    NotPermitted(String),
    /// The name is inside an excluded subtree.
    #[error("the name {0} lies in an excluded subtree")]
    Excluded(String),
    /// More comparisons than [`NAME_COMPARISONS_MAX`].
    #[error("too many names and constraints to compare")]
    TooMany,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Permitted,
    Excluded,
}

/// Checks every name of the certificate against one authority's constraints. `budget` counts down over a path.
pub(crate) fn check(
    constraints: &NameConstraints,
    certificate: &Certificate,
    budget: &mut usize,
) -> Result<(), ConstraintBreach> {
    let names = names_of(certificate);
    let bases = constraints.permitted.len() + constraints.excluded.len();
    *budget = names
        .len()
        .checked_mul(bases)
        .and_then(|work| budget.checked_sub(work))
        .ok_or(ConstraintBreach::TooMany)?;
    for base in &constraints.permitted {
        check_base(base, Side::Permitted)?;
    }
    for base in &constraints.excluded {
        check_base(base, Side::Excluded)?;
    }
    check_mail_is_text(constraints, certificate.subject())?;
    for name in &names {
        let mut bound = false;
        let mut permitted = false;
        for base in constraints.permitted.iter().filter(|base| same_form(base, name)) {
            bound = true;
            permitted |= is_within(name, base, Side::Permitted)?;
        }
        if bound && !permitted {
            return Err(ConstraintBreach::NotPermitted(show(name)));
        }
        for base in constraints.excluded.iter().filter(|base| same_form(base, name)) {
            if is_within(name, base, Side::Excluded)? {
                return Err(ConstraintBreach::Excluded(show(name)));
            }
        }
    }
    Ok(())
}

/// An address in a string type that is not read is in nobody's list of names, so it would escape every bound.
fn check_mail_is_text(constraints: &NameConstraints, subject: &Name) -> Result<(), ConstraintBreach> {
    let mut bases = constraints.permitted.iter().chain(&constraints.excluded);
    let is_bound = bases.any(|base| matches!(base, GeneralName::Rfc822(_)));
    if is_bound && subject.count(&oids::EMAIL) != subject.texts(&oids::EMAIL).len() {
        return Err(ConstraintBreach::UnknownName(subject.to_string()));
    }
    Ok(())
}

/// The subject (if it has a name), its e-mail addresses, and the alternative names.
fn names_of(certificate: &Certificate) -> Vec<GeneralName> {
    let mut names = certificate.subject_alt_names().to_vec();
    if !certificate.subject().is_empty() {
        names.push(GeneralName::Directory(certificate.subject().clone()));
    }
    names.extend(
        certificate.subject().texts(&oids::EMAIL).iter().map(|text| GeneralName::Rfc822((*text).to_owned())),
    );
    names
}

fn show(name: &GeneralName) -> String {
    match name {
        GeneralName::Rfc822(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => {
            text.escape_debug().to_string()
        }
        GeneralName::Directory(name) => name.to_string(),
        GeneralName::Ip(bytes) => format!("{bytes:?}"),
        GeneralName::Other(number) => format!("of form [{number}]"),
    }
}

fn same_form(a: &GeneralName, b: &GeneralName) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Whether the base is well-formed for its kind; other kinds are refused, whatever the certificate names.
fn check_base(base: &GeneralName, side: Side) -> Result<(), ConstraintBreach> {
    let good = match base {
        GeneralName::Dns(base) => base.is_empty() || is_host(base),
        GeneralName::Rfc822(base) => match base.rsplit_once('@') {
            Some((local, host)) => !local.is_empty() && is_host(host),
            None => is_host(base.strip_prefix('.').unwrap_or(base)),
        },
        GeneralName::Uri(base) => is_host(base.strip_prefix('.').unwrap_or(base)),
        GeneralName::Ip(bytes) => match bytes.len() {
            8 => is_mask(&bytes[4..]),
            32 => is_mask(&bytes[16..]),
            _ => false,
        },
        GeneralName::Directory(name) => match side {
            Side::Permitted => name.is_comparable(),
            Side::Excluded => name.can_exclude(),
        },
        GeneralName::Other(_) => false,
    };
    if good { Ok(()) } else { Err(ConstraintBreach::UnknownConstraint) }
}

fn is_mask(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|b| b.leading_ones()).take_while(|n| *n == 8).sum();
    let rest = &mask[(ones / 8) as usize..];
    rest.first().is_none_or(|b| b.leading_ones() + b.trailing_zeros() >= 8)
        && rest.iter().skip(1).all(|b| *b == 0)
}

/// A host name of letters, digits, `-` and `_` in labels of 1 to 63; no trailing dot, no wildcard, no address.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label) && !is_address(host)
}

fn is_address(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

fn is_within(name: &GeneralName, base: &GeneralName, side: Side) -> Result<bool, ConstraintBreach> {
    let unknown = || ConstraintBreach::UnknownName(show(name));
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base, side).ok_or_else(unknown),
        (GeneralName::Rfc822(name), GeneralName::Rfc822(base)) => {
            mail_within(name, base, side).ok_or_else(unknown)
        }
        (GeneralName::Uri(name), GeneralName::Uri(base)) => {
            uri_host(name).map(|host| host_matches(host, base)).ok_or_else(unknown)
        }
        (GeneralName::Ip(name), GeneralName::Ip(base)) => match name.len() {
            4 | 16 => Ok(ip_within(name, base)),
            _ => Err(unknown()),
        },
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            directory_within(name, base, side).ok_or_else(unknown)
        }
        _ => Err(ConstraintBreach::UnknownConstraint),
    }
}

fn directory_within(name: &Name, base: &Name, side: Side) -> Option<bool> {
    match side {
        Side::Permitted => name.is_comparable().then(|| name.is_within(base)),
        Side::Excluded => name.is_excluded_by(base),
    }
}

/// The base itself and everything below it. A wildcard is excluded as soon as one of its names would be.
fn dns_within(name: &str, base: &str, side: Side) -> Option<bool> {
    let (wildcard, host) = match name.strip_prefix("*.") {
        Some(host) => (true, host),
        None => (false, name),
    };
    if !is_host(host) {
        return None;
    }
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    let below = |host: &str, base: &str| {
        base.is_empty() || host == base || host.strip_suffix(base).is_some_and(|head| head.ends_with('.'))
    };
    let inside = below(&host, &base);
    Some(match side {
        Side::Permitted => inside,
        Side::Excluded => inside || (wildcard && below(&base, &host)),
    })
}

/// `host`, or `.domain` for everything below a domain.
fn host_matches(host: &str, base: &str) -> bool {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    if base.starts_with('.') { host.len() > base.len() && host.ends_with(&base) } else { host == base }
}

fn mail_within(name: &str, base: &str, side: Side) -> Option<bool> {
    let (local, host) = name.rsplit_once('@')?;
    if local.is_empty() || local.contains(['"', '@', '\\']) || !is_host(host) {
        return None;
    }
    Some(match base.rsplit_once('@') {
        None => host_matches(host, base),
        Some((base_local, base_host)) => {
            // A mailbox's case may matter, so it must match to be permitted and must not help to dodge an exclusion.
            let same = match side {
                Side::Permitted => local == base_local,
                Side::Excluded => local.eq_ignore_ascii_case(base_local),
            };
            same && host_matches(host, base_host)
        }
    })
}

/// The host of `scheme://[user@]host[:port]...`; none for URIs without authority and for addresses, which
/// constraints cannot bind (RFC 5280 4.2.1.10 refuses such names). None as well for what RFC 3986 does not allow:
/// readers differ about where a host with a backslash before it ends.
fn uri_host(uri: &str) -> Option<&str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    if !uri.bytes().all(allowed) {
        return None;
    }
    let (scheme, rest) = uri.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return None,
        None => host,
    };
    is_host(host).then_some(host)
}

fn ip_within(name: &[u8], base: &[u8]) -> bool {
    if base.len() != name.len() * 2 {
        return false;
    }
    let (network, mask) = base.split_at(name.len());
    name.iter().zip(network).zip(mask).all(|((name, network), mask)| name & mask == network & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lie_below_domains() {
        let dns = |name, base, side| dns_within(name, base, side);
        assert_eq!(dns("a.example.com", "example.com", Side::Permitted), Some(true));
        assert_eq!(dns("EXAMPLE.com", "example.COM", Side::Permitted), Some(true));
        assert_eq!(dns("badexample.com", "example.com", Side::Permitted), Some(false));
        assert_eq!(dns("*.example.com", "example.com", Side::Permitted), Some(true));
        assert_eq!(dns("*.example.com", "a.example.com", Side::Permitted), Some(false));
        assert_eq!(dns("*.example.com", "a.example.com", Side::Excluded), Some(true));
        assert_eq!(dns("x", "", Side::Excluded), Some(true));
        assert_eq!(dns("a..b", "", Side::Permitted), None);
        assert_eq!(dns("a.b.", "b", Side::Permitted), None);
    }

    #[test]
    fn mail_addresses_uris_and_addresses() {
        assert_eq!(mail_within("a@example.com", "example.com", Side::Permitted), Some(true));
        assert_eq!(mail_within("a@sub.example.com", "example.com", Side::Permitted), Some(false));
        assert_eq!(mail_within("a@sub.example.com", ".example.com", Side::Permitted), Some(true));
        assert_eq!(mail_within("A@example.com", "a@example.com", Side::Permitted), Some(false));
        assert_eq!(mail_within("A@example.com", "a@example.com", Side::Excluded), Some(true));
        assert_eq!(mail_within("\"a@b\"@example.com", "example.com", Side::Permitted), None);
        assert_eq!(uri_host("https://u@Host.example:8443/x"), Some("Host.example"));
        assert_eq!(uri_host("https://10.0.0.1/"), None);
        assert_eq!(uri_host("urn:x"), None);
        assert_eq!(uri_host("https://good.example\\@evil.example/"), None);
        assert_eq!(uri_host("https://good.example/ \u{e9}"), None);
        assert!(ip_within(&[10, 1, 2, 3], &[10, 1, 0, 0, 255, 255, 0, 0]));
        assert!(!ip_within(&[10, 2, 2, 3], &[10, 1, 0, 0, 255, 255, 0, 0]));
        assert!(is_mask(&[255, 254, 0, 0]) && is_mask(&[0; 4]) && is_mask(&[255; 4]));
        assert!(!is_mask(&[255, 0, 255, 0]) && !is_mask(&[253, 0, 0, 0]));
    }
}
