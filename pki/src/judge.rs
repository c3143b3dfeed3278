//! Judges one complete chain: everything of RFC 5280 6.1 but the signatures, which `path` verified on its way up.
//! Never looks for another chain, and never reads a clock.
use crate::certificate::Certificate;
use crate::constraints::{self, NAME_COMPARISONS_MAX};
use crate::oids;
use crate::path::{Fault, PathError, Purpose, Question, Revocation, fault};
use crate::x509::extension::KeyUse;
use crate::x509::time::CertTime;

/// Judges a complete chain, leaf first, anchor last, whose signatures have been verified link by link.
pub(crate) fn judge(chain: &[&Certificate], question: &Question<'_>) -> Result<(), PathError> {
    let at = CertTime::from_unix(question.at);
    for certificate in chain {
        judge_alone(certificate, at).map_err(|why| fault(certificate, why))?;
    }
    let (leaf, authorities) = chain.split_first().expect("a chain starts with its leaf");
    judge_leaf(leaf, question).map_err(|why| fault(leaf, why))?;
    for (i, authority) in authorities.iter().enumerate() {
        let is_anchor = i + 1 == authorities.len();
        // Self-issued authorities do not count against the path length (RFC 5280 6.1.4 l).
        let below = authorities[..i].iter().filter(|authority| !authority.is_self_issued()).count();
        judge_authority(authority, is_anchor, below, question).map_err(|why| fault(authority, why))?;
    }
    judge_names(chain)?;
    for (certificate, issuer) in chain.iter().zip(authorities) {
        judge_revocation(certificate, issuer, certificate == leaf, at, &question.revocation)
            .map_err(|why| fault(certificate, why))?;
    }
    Ok(())
}

fn judge_alone(certificate: &Certificate, at: CertTime) -> Result<(), Fault> {
    let (from, until) = certificate.validity();
    if at < from {
        return Err(Fault::NotYetValid { from });
    }
    if at > until {
        return Err(Fault::Expired { until });
    }
    let extensions = certificate.extensions();
    if extensions.has_policy_constraints {
        return Err(Fault::PolicyConstraints);
    }
    match extensions.unknown_critical {
        Some(oid) => Err(Fault::UnknownCritical(oid)),
        None => Ok(()),
    }
}

fn judge_leaf(leaf: &Certificate, question: &Question<'_>) -> Result<(), Fault> {
    let extensions = leaf.extensions();
    if !leaf.is_ca() && (leaf.allows(KeyUse::CertSign) || extensions.name_constraints.is_some()) {
        return Err(Fault::AuthorityExtension);
    }
    let usages = extensions.extended_key_usage.as_deref().unwrap_or_default();
    let wanted = match question.purpose {
        Purpose::Client => Some(oids::CLIENT_AUTH),
        Purpose::Server => Some(oids::SERVER_AUTH),
        Purpose::Any => None,
    };
    if let Some(wanted) = wanted {
        if leaf.is_ca() {
            return Err(Fault::LeafIsAuthority);
        }
        if !usages.contains(&wanted) {
            return Err(Fault::Purpose);
        }
        // TLS 1.3 signs on both sides (RFC 8446 4.4.2.2).
        if leaf.key_usage().is_some_and(|usage| !usage.allows(KeyUse::DigitalSignature)) {
            return Err(Fault::KeyUsage);
        }
    }
    if let Some(role) = question.role
        && (leaf.is_ca() || !usages.contains(&role.oid()))
    {
        return Err(Fault::Role(role));
    }
    match question.key_use {
        Some(key_use) if !leaf.allows(key_use) => Err(Fault::KeyUsage),
        Some(_) | None => Ok(()),
    }
}

fn judge_authority(
    authority: &Certificate,
    is_anchor: bool,
    below: usize,
    question: &Question<'_>,
) -> Result<(), Fault> {
    let extensions = authority.extensions();
    let Some((true, path_length)) = extensions.basic_constraints else { return Err(Fault::NotAnAuthority) };
    if !extensions.basic_constraints_critical {
        return Err(Fault::NotAnAuthority);
    }
    let may_sign = match authority.key_usage() {
        Some(usage) => usage.allows(KeyUse::CertSign),
        None => is_anchor,
    };
    if !may_sign {
        return Err(Fault::NoCertSign);
    }
    if is_anchor && authority.is_self_issued() && !authority.is_signed_by(authority.spki()) {
        return Err(Fault::BadSignature);
    }
    if let Some(allowed) = path_length
        && below as u64 > allowed
    {
        return Err(Fault::PathLength { allowed });
    }
    let Some(usages) = &extensions.extended_key_usage else { return Ok(()) };
    if usages.contains(&oids::ANY_USAGE) {
        return Ok(());
    }
    let purpose = match question.purpose {
        Purpose::Client => usages.contains(&oids::CLIENT_AUTH),
        Purpose::Server => usages.contains(&oids::SERVER_AUTH),
        Purpose::Any => true,
    };
    if !purpose {
        return Err(Fault::Purpose);
    }
    match question.role {
        Some(role) if !usages.contains(&role.oid()) => Err(Fault::Role(role)),
        Some(_) | None => Ok(()),
    }
}

/// Every authority's constraints bind every certificate below it, self-issued authorities excepted, the leaf never.
fn judge_names(chain: &[&Certificate]) -> Result<(), PathError> {
    let mut budget = NAME_COMPARISONS_MAX;
    for (i, authority) in chain.iter().enumerate().skip(1) {
        let Some(bounds) = &authority.extensions().name_constraints else { continue };
        for (j, certificate) in chain[..i].iter().enumerate() {
            if j > 0 && certificate.is_self_issued() {
                continue;
            }
            constraints::check(bounds, certificate, &mut budget)
                .map_err(|breach| fault(certificate, Fault::Names(breach)))?;
        }
    }
    Ok(())
}

fn judge_revocation(
    certificate: &Certificate,
    issuer: &Certificate,
    is_leaf: bool,
    at: CertTime,
    revocation: &Revocation<'_>,
) -> Result<(), Fault> {
    let (lists, is_demanded) = match revocation {
        Revocation::Unchecked => return Ok(()),
        Revocation::Leaf(lists) => (lists, is_leaf),
        Revocation::Chain(lists) => (lists, true),
    };
    let of_issuer: Vec<_> = lists.iter().filter(|list| list.issuer() == certificate.issuer()).collect();
    let may_sign = issuer.key_usage().is_none_or(|usage| usage.allows(KeyUse::CrlSign));
    let signed = of_issuer.iter().filter(|list| may_sign && list.is_signed_by(issuer.spki()));
    let mut is_innocent = false;
    for list in signed {
        if let Some(entry) = list.accuses(certificate.serial(), at) {
            return Err(Fault::Revoked { at: entry.revoked_at, reason: entry.reason });
        }
        is_innocent |= list.is_complete() && list.is_fresh(at) && list.entry(certificate.serial()).is_none();
    }
    if is_innocent || (!is_demanded && of_issuer.is_empty()) { Ok(()) } else { Err(Fault::NoFreshList) }
}
