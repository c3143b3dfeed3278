//! The founding of a site, and what it fixes for ever.
//! Never verifies a statement's signature but the genesis' own, in [`verify_genesis`].

use super::former::Former;
use super::{Applied, Audience, Certified, Context, OfflineChain, Register, offline_chain};
use crate::act::{Act, Genesis};
use crate::ids::{Chain, Index, LogId, StatementId};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::statement::{BadStatement, Header, SignedStatement, VerifiedStatement};
use minicbor::{Decode, Encode};
use pki::{CertId, Certificate, KeyUse, PersonId, PublicKey, Purpose, Question, Suite, TrustAnchor, UnixMs};

/// What the genesis says, and the policy as it stands now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Site {
    /// The log's id.
    #[n(0)]
    pub log: LogId,
    /// The site's name.
    #[n(1)]
    pub name: String,
    /// The suite of everything.
    #[n(2)]
    pub suite: Suite,
    #[n(3)]
    root: Certified,
    #[n(4)]
    pub(super) issuing: Certified,
    /// The log identity key, Ed25519.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub identity: [u8; 32],
    /// Signature certificates of the first officers.
    #[n(6)]
    pub officers: Vec<CertId>,
    /// How many of them a succession needs.
    #[n(7)]
    pub threshold: u32,
    /// The policy that rules the next entry.
    #[n(8)]
    pub policy: Policy,
    /// The entry that set it.
    #[n(9)]
    pub policy_index: Index,
    /// The number of the issuing CA's newest revocation list.
    #[n(10)]
    pub crl_number: Option<minicbor::bytes::ByteVec>,
    /// What the policy replaced and what counts on for a while.
    #[n(11)]
    pub(super) former: Option<Former>,
}

impl Site {
    /// The root CA's certificate.
    pub fn root(&self) -> &Certificate {
        self.root.certificate()
    }

    /// The issuing CA's certificate.
    pub fn issuing(&self) -> &Certificate {
        self.issuing.certificate()
    }

    /// Its id.
    pub fn issuing_id(&self) -> CertId {
        self.issuing.id()
    }

    /// The key of the issuing CA, which signs the offline acts.
    pub fn issuing_key(&self) -> Option<&PublicKey> {
        self.issuing.key()
    }

    /// The issuing CA was revoked by the root at this index.
    pub fn issuing_revoked(&self) -> Option<Index> {
        self.issuing.revoked
    }

    /// The root as a trust anchor.
    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor::new(self.root().clone())
    }

    /// Both authorities are within their dates.
    pub(super) fn authorities_valid_at(&self, at_ms: u64) -> bool {
        self.root.valid_at(at_ms) && self.issuing.valid_at(at_ms)
    }

    /// Until when anybody under them can act; `None` where the root has revoked the issuing CA.
    pub(super) fn authorities_until_ms(&self) -> Option<u64> {
        let until_ms = self.root.valid_until_ms().min(self.issuing.valid_until_ms());
        Some(until_ms).filter(|_| self.issuing_revoked().is_none())
    }
}

/// Why a statement founds no log.
#[derive(Debug, thiserror::Error)]
pub enum BadGenesis {
    /// Not a statement, or not signed by the issuing CA that it carries.
    #[error(transparent)]
    Statement(#[from] BadStatement),
    /// A statement, but not one that founds.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Reads and verifies a genesis: its shape, the issuing CA's path to the root at the time it names, the signature by
/// the issuing CA's key. Whether this is the site one means, only the log id on the site card can say.
pub fn verify_genesis(signed: SignedStatement) -> Result<VerifiedStatement, BadGenesis> {
    let parsed = signed.parse()?;
    let Act::Genesis(act) = parsed.act() else {
        return Err(bad("another kind of statement").into());
    };
    let founded = Founded::check(parsed.header(), act)?;
    let key = founded.issuing.public_key().map_err(|error| bad(&error.to_string()))?;
    Ok(parsed.verify(&key)?)
}

fn bad(reason: &str) -> Refusal {
    Refusal::BadGenesis { reason: reason.into() }
}

/// The certificates of a genesis whose every check but the signature has passed.
struct Founded {
    root: Certificate,
    issuing: Certificate,
}

impl Founded {
    fn check(header: &Header, act: &Genesis) -> Result<Self, Refusal> {
        let blank = header.log == LogId::ZERO
            && header.person == PersonId(0)
            && header.chain == Chain::ZERO
            && (header.sequence, header.attempt) == (0, 0)
            && header.previous == StatementId::ZERO
            && header.head.size == 0
            && header.head.root == crate::tree::empty_root();
        if !blank {
            return Err(bad("the header is not a genesis'"));
        }
        let parse = |der: &[u8]| Certificate::parse(der).map_err(|error| bad(&error.to_string()));
        let (root, issuing) = (parse(&act.root)?, parse(&act.issuing)?);
        if header.certificate != issuing.id() {
            return Err(bad("not signed by the issuing authority that it carries"));
        }
        let question =
            Question { key_use: Some(KeyUse::CertSign), ..Question::new(Purpose::Any, UnixMs(act.time_ms)) };
        pki::verify_path(&issuing, &[], &[TrustAnchor::new(root.clone())], &question)
            .map_err(|error| bad(&error.to_string()))?;
        let key = issuing.public_key().map_err(|error| bad(&error.to_string()))?;
        if !issuing.is_ca() || key.suite() != act.suite || header.suite != act.suite {
            return Err(bad("the issuing certificate is no authority of the site's suite"));
        }
        PublicKey::from_raw(Suite::Ed25519, &act.identity).map_err(|error| bad(&error.to_string()))?;
        let distinct = act.officers.iter().collect::<std::collections::BTreeSet<_>>().len();
        if distinct != act.officers.len() || distinct < 2 || act.threshold < 2 {
            return Err(bad("a site begins with at least two officers, a threshold of at least two"));
        }
        act.policy.check()?;
        Ok(Self { root, issuing })
    }
}

impl Register {
    /// Entry 0 founds the log.
    pub(super) fn genesis(&mut self, cx: &Context<'_>, act: &Genesis) -> Result<Applied, Refusal> {
        if self.site.is_some() {
            return Err(Refusal::AlreadyFounded);
        }
        let founded = Founded::check(cx.header, act)?;
        let issuing = Certified::new(founded.issuing, cx.by.index, true);
        if cx.key != issuing.key_hash() {
            return Err(bad("not verified with the issuing authority's key"));
        }
        let chain = offline_chain(issuing.id(), issuing.certificate().subject());
        self.offline = Some(OfflineChain { chain, sequence: 0, last: StatementId::ZERO });
        self.site = Some(Site {
            log: LogId(cx.by.id.0),
            name: act.site.clone(),
            suite: act.suite,
            root: Certified::new(founded.root, cx.by.index, true),
            issuing,
            identity: act.identity,
            officers: act.officers.clone(),
            threshold: act.threshold,
            policy: act.policy.clone(),
            policy_index: cx.by.index,
            crl_number: None,
            former: None,
        });
        self.reschedule(cx.now_ms, cx.ran_ms);
        Ok(Applied::to(Audience::Everyone))
    }

    /// The site, which every entry but the first presupposes.
    pub(super) fn founded(&self) -> Result<&Site, Refusal> {
        self.site.as_ref().ok_or(Refusal::WrongLog)
    }

    pub(super) fn ruling_policy(&self) -> Result<&Policy, Refusal> {
        Ok(&self.founded()?.policy)
    }
}
