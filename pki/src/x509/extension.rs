//! The extensions of a certificate or a CRL: each at most once, those we understand as values, the others by name.
//! Never decides what an unknown one means: `unknown_critical` says that there is one, the caller refuses.
use der::asn1::ObjectIdentifier;

use super::der::{
    BIT_STRING, DerError, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET, context, context_constructed,
    oid_value, small_number,
};
use super::general_name::GeneralName;
use crate::clearance::Clearance;
use crate::oids;

/// Most extensions in one certificate, CRL or CRL entry.
pub const EXTENSIONS_MAX: usize = 64;

pub(crate) const fn id_ce(number: u8) -> [u8; 3] {
    [0x55, 0x1d, number]
}
pub(crate) const DIRECTORY_ATTRIBUTES: u8 = 9;
pub(crate) const SUBJECT_KEY_ID: u8 = 14;
pub(crate) const KEY_USAGE: u8 = 15;
pub(crate) const SUBJECT_ALT_NAME: u8 = 17;
pub(crate) const BASIC_CONSTRAINTS: u8 = 19;
pub(crate) const CRL_NUMBER: u8 = 20;
pub(crate) const REASON_CODE: u8 = 21;
pub(crate) const DELTA_CRL: u8 = 27;
pub(crate) const ISSUING_DISTRIBUTION_POINT: u8 = 28;
pub(crate) const NAME_CONSTRAINTS: u8 = 30;
pub(crate) const CERTIFICATE_POLICIES: u8 = 32;
pub(crate) const AUTHORITY_KEY_ID: u8 = 35;
pub(crate) const POLICY_CONSTRAINTS: u8 = 36;
pub(crate) const EXTENDED_KEY_USAGE: u8 = 37;

/// One extension as it stands.
pub(crate) struct RawExtension<'a> {
    pub oid: ObjectIdentifier,
    pub critical: bool,
    pub value: &'a [u8],
}

impl RawExtension<'_> {
    /// The number under id-ce, if the extension is one of that arc.
    pub(crate) fn number(&self) -> Option<u8> {
        match self.oid.as_bytes() {
            [0x55, 0x1d, number] if *number < 0x80 => Some(*number),
            _ => None,
        }
    }
}

/// Reads an Extensions sequence: not empty, no extension twice.
pub(crate) fn read_all<'a>(mut list: Reader<'a>) -> Result<Vec<RawExtension<'a>>, DerError> {
    let mut all: Vec<RawExtension<'a>> = Vec::new();
    while !list.is_empty() {
        let mut entry = list.nested(SEQUENCE)?;
        let oid = entry.oid()?;
        let critical = entry.flag()?;
        let value = entry.contents(OCTET_STRING)?;
        entry.finish()?;
        if all.len() == EXTENSIONS_MAX || all.iter().any(|known| known.oid == oid) {
            return Err(DerError::Value("Extensions without repetition"));
        }
        all.push(RawExtension { oid, critical, value });
    }
    if all.is_empty() { Err(DerError::Value("Extensions")) } else { Ok(all) }
}

/// A use that a key's certificate may allow; the number is its bit in KeyUsage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyUse {
    /// Signs statements and TLS handshakes.
    DigitalSignature = 0,
    /// Agrees on keys: wraps are made to it.
    KeyAgreement = 4,
    /// Signs certificates.
    CertSign = 5,
    /// Signs CRLs.
    CrlSign = 6,
}

/// The bits of KeyUsage, bit n of the number for bit n of the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(pub(crate) u16);

impl KeyUsage {
    /// Whether this use is allowed.
    pub fn allows(self, key_use: KeyUse) -> bool {
        self.0 & 1 << key_use as u8 != 0
    }
}

/// Subtrees a CA's names are bound to.
#[derive(Debug, Clone, Default)]
pub struct NameConstraints {
    /// A name of a form that occurs here must lie in one of that form.
    pub permitted: Vec<GeneralName>,
    /// No name may lie in one of these.
    pub excluded: Vec<GeneralName>,
}

/// What a certificate's extensions say.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    /// cA and pathLenConstraint, if basicConstraints is there.
    pub basic_constraints: Option<(bool, Option<u64>)>,
    /// Whether basicConstraints is critical.
    pub basic_constraints_critical: bool,
    /// keyUsage.
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage.
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// subjectAltName.
    pub subject_alt_names: Vec<GeneralName>,
    /// Whether subjectAltName is critical.
    pub subject_alt_names_critical: bool,
    /// nameConstraints.
    pub name_constraints: Option<NameConstraints>,
    /// Clearance of our label policy (RFC 5913).
    pub clearance: Option<Clearance>,
    /// subjectKeyIdentifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// policyConstraints is there: someone may demand a certificate policy, which we do not compute.
    pub has_policy_constraints: bool,
    /// A critical extension nobody here understands.
    pub unknown_critical: Option<ObjectIdentifier>,
}

impl Extensions {
    pub(crate) fn read(list: Reader<'_>) -> Result<Self, DerError> {
        let mut out = Self::default();
        for raw in read_all(list)? {
            let understood = out.take(&raw)?;
            if raw.critical && !understood {
                out.unknown_critical.get_or_insert(raw.oid);
            }
        }
        Ok(out)
    }

    /// Takes one extension in; says whether it is understood in every respect a critical one must be.
    fn take(&mut self, raw: &RawExtension<'_>) -> Result<bool, DerError> {
        let mut value = Reader::new(raw.value);
        let Some(number) = raw.number() else { return Ok(false) };
        match number {
            BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(read_basic_constraints(&mut value)?);
                self.basic_constraints_critical = raw.critical;
            }
            KEY_USAGE => self.key_usage = Some(read_key_usage(&mut value)?),
            EXTENDED_KEY_USAGE => self.extended_key_usage = Some(read_extended_key_usage(&mut value)?),
            SUBJECT_ALT_NAME => {
                self.subject_alt_names = GeneralName::read_all(value.nested(SEQUENCE)?)?;
                self.subject_alt_names_critical = raw.critical;
            }
            NAME_CONSTRAINTS => self.name_constraints = Some(read_name_constraints(&mut value)?),
            // With any policy acceptable and none demanded, policies never change the outcome (RFC 5280 6.1.5 g).
            CERTIFICATE_POLICIES => read_policies(&mut value)?,
            POLICY_CONSTRAINTS => {
                self.has_policy_constraints = true;
                return Ok(false);
            }
            // These three must not be critical (RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.8); one that is gets refused.
            SUBJECT_KEY_ID => {
                self.subject_key_id = Some(value.contents(OCTET_STRING)?.to_vec());
                value.finish()?;
                return Ok(false);
            }
            DIRECTORY_ATTRIBUTES => {
                self.clearance = read_clearance(&mut value)?;
                value.finish()?;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        value.finish()?;
        Ok(true)
    }
}

fn read_basic_constraints(value: &mut Reader<'_>) -> Result<(bool, Option<u64>), DerError> {
    let mut fields = value.nested(SEQUENCE)?;
    let is_ca = fields.flag()?;
    let path_length = fields.optional(INTEGER)?.map(small_number).transpose()?;
    fields.finish()?;
    if path_length.is_some() && !is_ca {
        return Err(DerError::Value("BasicConstraints of an end entity"));
    }
    Ok((is_ca, path_length))
}

fn read_key_usage(value: &mut Reader<'_>) -> Result<KeyUsage, DerError> {
    let (unused, bytes) = value.bit_string()?;
    let bad = Err(DerError::Value("KeyUsage"));
    // Named bits: no trailing zeros (X.690 11.2.2), at least one set (RFC 5280 4.2.1.3), nine known.
    let Some(last) = bytes.last() else { return bad };
    if bytes.len() > 2 || last.trailing_zeros() != u32::from(unused) {
        return bad;
    }
    let set =
        (0..16_u16).filter(|bit| bytes.get(usize::from(bit / 8)).is_some_and(|b| b & 0x80 >> (bit % 8) != 0));
    let bits = set.fold(0_u16, |bits, bit| bits | 1 << bit);
    if bits >= 1 << 9 { bad } else { Ok(KeyUsage(bits)) }
}

fn read_extended_key_usage(value: &mut Reader<'_>) -> Result<Vec<ObjectIdentifier>, DerError> {
    let mut list = value.nested(SEQUENCE)?;
    let mut usages = Vec::new();
    while !list.is_empty() {
        usages.push(list.oid()?);
    }
    if usages.is_empty() { Err(DerError::Value("ExtKeyUsage")) } else { Ok(usages) }
}

fn read_name_constraints(value: &mut Reader<'_>) -> Result<NameConstraints, DerError> {
    let mut fields = value.nested(SEQUENCE)?;
    let permitted = fields.optional(context_constructed(0))?;
    let excluded = fields.optional(context_constructed(1))?;
    fields.finish()?;
    if permitted.is_none() && excluded.is_none() {
        return Err(DerError::Value("NameConstraints"));
    }
    let subtrees = |list: Option<&[u8]>| list.map_or(Ok(Vec::new()), |list| read_subtrees(Reader::new(list)));
    Ok(NameConstraints { permitted: subtrees(permitted)?, excluded: subtrees(excluded)? })
}

fn read_subtrees(mut list: Reader<'_>) -> Result<Vec<GeneralName>, DerError> {
    let mut bases = Vec::new();
    while !list.is_empty() {
        let mut subtree = list.nested(SEQUENCE)?;
        bases.push(GeneralName::read(&mut subtree)?);
        // minimum (DEFAULT 0, so never written) and maximum are not used by RFC 5280: whoever writes them is refused.
        subtree.finish()?;
    }
    if bases.is_empty() { Err(DerError::Value("GeneralSubtrees")) } else { Ok(bases) }
}

fn read_policies(value: &mut Reader<'_>) -> Result<(), DerError> {
    let mut list = value.nested(SEQUENCE)?;
    if list.is_empty() {
        return Err(DerError::Value("CertificatePolicies"));
    }
    let mut seen = Vec::new();
    while !list.is_empty() {
        let mut policy = list.nested(SEQUENCE)?;
        let oid = policy.oid()?;
        if seen.contains(&oid) {
            return Err(DerError::Value("CertificatePolicies without repetition"));
        }
        seen.push(oid);
        if !policy.is_empty() {
            policy.contents(SEQUENCE)?;
        }
        policy.finish()?;
    }
    Ok(())
}

/// SubjectDirectoryAttributes with the clearance of our policy; other attributes and policies are passed over.
fn read_clearance(value: &mut Reader<'_>) -> Result<Option<Clearance>, DerError> {
    let mut list = value.nested(SEQUENCE)?;
    let mut found = None;
    while !list.is_empty() {
        let mut attribute = list.nested(SEQUENCE)?;
        let oid = attribute.oid()?;
        let mut values = attribute.nested(SET)?;
        attribute.finish()?;
        if oid != oids::CLEARANCE {
            continue;
        }
        while !values.is_empty() {
            let Some(clearance) = read_one_clearance(values.nested(SEQUENCE)?)? else { continue };
            if found.replace(clearance).is_some() {
                return Err(DerError::Value("single Clearance"));
            }
        }
    }
    Ok(found)
}

fn read_one_clearance(mut fields: Reader<'_>) -> Result<Option<Clearance>, DerError> {
    // Issuers before the technical corrigendum wrote policyId as [0]; we do not, so it is not ours.
    if fields.peek() == Some(context(0)) {
        return Ok(None);
    }
    let policy = oid_value(fields.contents(OID)?)?;
    if policy != oids::LABEL_POLICY {
        return Ok(None);
    }
    let bad = DerError::Value("Clearance");
    if fields.peek() != Some(BIT_STRING) {
        // ClassList DEFAULT {unclassified}.
        return if fields.is_empty() { Ok(Some(Clearance(1))) } else { Err(bad) };
    }
    let (unused, bytes) = fields.bit_string()?;
    fields.finish()?;
    let ([byte], true) = (bytes, bytes.last().is_some_and(|b| b.trailing_zeros() == u32::from(unused)))
    else {
        return Err(bad);
    };
    let highest = (0..8_u8).rev().find(|bit| byte & 0x80 >> bit != 0).ok_or(bad)?;
    Clearance::from_rank(highest).map(Some).ok_or(bad)
}
