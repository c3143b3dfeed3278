//! Why a certificate does not hold, in both languages.
//! Never decides: `pki::path` does.

use console::Words;
use pki::constraints::ConstraintBreach;
use pki::{Fault, PathError};

/// A path's error as people read it.
pub(super) struct Why<'a>(pub(super) &'a PathError);

impl Words for Why<'_> {
    fn en(&self) -> String {
        format!("invalid: {}", console::clean(&self.0.to_string()))
    }
    fn ru(&self) -> String {
        let subject = console::clean(&self.0.subject);
        format!("недействителен: сертификат «{subject}» ({}): {}", self.0.certificate, russian(&self.0.why))
    }
}

/// The stable code for scripts.
pub(super) fn code(fault: &Fault) -> &'static str {
    match fault {
        Fault::UnknownIssuer => "unknown-issuer",
        Fault::BadSignature => "bad-signature",
        Fault::UnknownAlgorithm => "unknown-algorithm",
        Fault::TooLong => "path-too-long",
        Fault::TooMuchWork => "too-much-work",
        Fault::LeafIsAnchor => "leaf-is-anchor",
        Fault::NotYetValid { .. } => "not-yet-valid",
        Fault::Expired { .. } => "expired",
        Fault::NotAnAuthority => "not-an-authority",
        Fault::NoCertSign => "no-cert-sign",
        Fault::PathLength { .. } => "path-length",
        Fault::AuthorityExtension => "authority-extension",
        Fault::LeafIsAuthority => "leaf-is-authority",
        Fault::UnknownCritical(_) => "unknown-critical",
        Fault::PolicyConstraints => "policy-constraints",
        Fault::Names(_) => "name-constraints",
        Fault::Purpose => "purpose",
        Fault::Role(_) => "role",
        Fault::KeyUsage => "key-usage",
        Fault::Revoked { .. } => "revoked",
        Fault::NoFreshList => "no-fresh-list",
    }
}

fn russian(fault: &Fault) -> String {
    match fault {
        Fault::UnknownIssuer => "доверенный издатель неизвестен".into(),
        Fault::BadSignature => "подпись сделана не его издателем".into(),
        Fault::UnknownAlgorithm => "алгоритм подписи не принимается".into(),
        Fault::TooLong => "путь до корня слишком длинный".into(),
        Fault::TooMuchWork => "слишком много возможных издателей".into(),
        Fault::LeafIsAnchor => "он сам корневой, за него никто не ручается".into(),
        Fault::NotYetValid { from } => format!("действует только с {from}"),
        Fault::Expired { until } => format!("срок истёк {until}"),
        Fault::NotAnAuthority => "это не удостоверяющий центр".into(),
        Fault::NoCertSign => "его ключу нельзя подписывать сертификаты".into(),
        Fault::PathLength { allowed } => format!("под ним больше центров, чем разрешено ({allowed})"),
        Fault::AuthorityExtension => "это не центр, но в нём расширение центра".into(),
        Fault::LeafIsAuthority => "это удостоверяющий центр, а не конечный владелец".into(),
        Fault::UnknownCritical(oid) => format!("непонятное критическое расширение ({oid})"),
        Fault::PolicyConstraints => "требует политик сертификации, они не поддерживаются".into(),
        Fault::Names(breach) => names(breach),
        Fault::Purpose => "расширенное назначение ключа не допускает такого применения".into(),
        Fault::Role(role) => format!("не даёт роли {role}"),
        Fault::KeyUsage => "назначение ключа не допускает такого применения".into(),
        Fault::Revoked { at, .. } => format!("отозван {at}"),
        Fault::NoFreshList => "нет свежего списка отозванных, который показал бы, что он не отозван".into(),
    }
}

fn names(breach: &ConstraintBreach) -> String {
    match breach {
        ConstraintBreach::UnknownConstraint => "непонятное ограничение имён".into(),
        ConstraintBreach::UnknownName(name) => {
            format!("имя {} нельзя сравнить с ограничениями", console::clean(name))
        }
        ConstraintBreach::NotPermitted(name) => format!("имя {} вне разрешённых", console::clean(name)),
        ConstraintBreach::Excluded(name) => format!("имя {} среди запрещённых", console::clean(name)),
        ConstraintBreach::TooMany => "слишком много имён и ограничений".into(),
    }
}
