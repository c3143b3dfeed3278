//! What a certificate lets its holder be, as extended key usages under the product's private arc.
//! Never says what a role may do: that is policy, in the journal.
use std::fmt;

use der::asn1::ObjectIdentifier;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::oids;

/// A role. The numbers are stable and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Role {
    /// The process that speaks TLS.
    #[n(1)]
    Server = 1,
    /// The process that holds journal and vault; passwords are sealed to its agreement key.
    #[n(2)]
    Core = 2,
    /// Reads and writes messages.
    #[n(3)]
    Operator = 3,
    /// Security officer: people, policy, erasure.
    #[n(4)]
    Officer = 4,
    /// Runs the machine.
    #[n(5)]
    Administrator = 5,
    /// Exports and verifies.
    #[n(6)]
    Auditor = 6,
    /// A program that acts as an operator.
    #[n(7)]
    Bot = 7,
    /// Cosigns checkpoints.
    #[n(8)]
    Witness = 8,
}

impl Role {
    /// Every role, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Server,
        Self::Core,
        Self::Operator,
        Self::Officer,
        Self::Administrator,
        Self::Auditor,
        Self::Bot,
        Self::Witness,
    ];

    /// The number in formats and in the object identifier.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The extended key usage that grants this role.
    pub fn oid(self) -> ObjectIdentifier {
        oids::ROLE.push_arc(u32::from(self.number())).expect("the private arc is short enough for one more")
    }

    /// The role this extended key usage grants, if it is one of ours.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.oid() == *oid)
    }

    /// The word in roster files and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Core => "core",
            Self::Operator => "operator",
            Self::Officer => "officer",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Bot => "bot",
            Self::Witness => "witness",
        }
    }

    /// The role of this word, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles; bit n stands for the role of number n.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RoleSet(u16);

impl RoleSet {
    /// No role.
    pub const EMPTY: Self = Self(0);

    /// The set with this bit pattern, unless it has a bit that is no role.
    pub fn from_bits(bits: u16) -> Option<Self> {
        let known = Role::ALL.into_iter().fold(0, |known, role| known | 1 << role.number());
        (bits & !known == 0).then_some(Self(bits))
    }

    /// The bit pattern.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// This set and one role more.
    #[must_use]
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role.number())
    }

    /// Whether the role is in the set.
    pub fn contains(self, role: Role) -> bool {
        self.0 & 1 << role.number() != 0
    }

    /// Whether no role is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<C> Encode<C> for RoleSet {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u16(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for RoleSet {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::from_bits(d.u16()?).ok_or_else(|| decode::Error::message("a bit that is no role"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_own_identifier_and_name() {
        for role in Role::ALL {
            assert_eq!(Role::from_oid(&role.oid()), Some(role));
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(role.oid().to_string(), format!("{}.1.{}", oids::ARC, role.number()));
        }
        assert_eq!(Role::from_oid(&oids::CLIENT_AUTH), None);
    }

    #[test]
    fn a_set_refuses_bits_that_are_no_role() {
        let set: RoleSet = [Role::Officer, Role::Operator].into_iter().collect();
        assert!(set.contains(Role::Officer) && !set.contains(Role::Auditor));
        assert_eq!(RoleSet::from_bits(set.bits()), Some(set));
        assert_eq!(RoleSet::from_bits(1), None);
        assert_eq!(RoleSet::from_bits(1 << 9), None);
        assert!(crate::canonical::decode::<RoleSet>(&[0x01]).is_err());
    }
}
