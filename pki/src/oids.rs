//! Object identifiers in one place: ours, under one private arc, and those of the standards we read.
//! Never decides anything.
use der::asn1::ObjectIdentifier;

/// The product's private arc: `2.25.N`, an arc anyone may take without asking (ITU-T X.667).
pub const ARC: &str = "2.25.1923840517";

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Extended key usage of a role: arc `.1.` and the role's number.
pub const ROLE: ObjectIdentifier = oid("2.25.1923840517.1");
/// Attribute of a certificate request that carries the agreement key's SubjectPublicKeyInfo.
pub const REQUEST_AGREEMENT_KEY: ObjectIdentifier = oid("2.25.1923840517.2.1");
/// Policy under which the six classes of a clearance are ranked.
pub const LABEL_POLICY: ObjectIdentifier = oid("2.25.1923840517.3.1");

/// Ed25519 (RFC 8410), as key and as signature algorithm.
pub const ED25519: ObjectIdentifier = oid("1.3.101.112");
/// X25519 (RFC 8410).
pub const X25519: ObjectIdentifier = oid("1.3.101.110");
/// An elliptic-curve key (RFC 5480).
pub const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
/// The curve P-256.
pub const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
/// The curve P-384.
pub const P384: ObjectIdentifier = oid("1.3.132.0.34");
/// An RSA key (RFC 3279).
pub const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
/// ECDSA with SHA-256.
pub const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
/// ECDSA with SHA-384.
pub const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
/// RSA PKCS#1 v1.5 with SHA-256.
pub const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
/// RSA PKCS#1 v1.5 with SHA-384.
pub const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
/// RSA PKCS#1 v1.5 with SHA-512.
pub const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
/// GOST R 34.10-2012, 256 bit key (RFC 9215).
pub const GOST_256: ObjectIdentifier = oid("1.2.643.7.1.1.1.1");
/// GOST R 34.10-2012, 512 bit key (RFC 9215).
pub const GOST_512: ObjectIdentifier = oid("1.2.643.7.1.1.1.2");

/// Subject attribute commonName: the person's full name.
pub const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
/// Subject attribute serialNumber: the [`crate::PersonId`].
pub const SERIAL_NUMBER: ObjectIdentifier = oid("2.5.4.5");
/// Subject attribute organizationalUnitName: one step of the unit path.
pub const UNIT: ObjectIdentifier = oid("2.5.4.11");
/// Subject attribute userId (RFC 4519 2.39): the login.
pub const USER_ID: ObjectIdentifier = oid("0.9.2342.19200300.100.1.1");
/// Subject attribute emailAddress (RFC 2985), for name constraints.
pub const EMAIL: ObjectIdentifier = oid("1.2.840.113549.1.9.1");
/// Attribute clearance (RFC 5913).
pub const CLEARANCE: ObjectIdentifier = oid("2.5.4.55");

/// Extended key usage serverAuth.
pub const SERVER_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.1");
/// Extended key usage clientAuth.
pub const CLIENT_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.2");
/// Any extended key usage: policy refuses to read it as a grant.
pub const ANY_USAGE: ObjectIdentifier = oid("2.5.29.37.0");
