use super::*;
use crate::testing::Rng;

const BOTH: [Suite; 2] = [Suite::Ed25519, Suite::EcdsaP256];

#[test]
fn what_one_signs_only_its_own_key_verifies() {
    let mut rng = Rng::seeded(1);
    for suite in BOTH {
        let key = SecretKey::generate(suite, &mut rng).unwrap();
        let other = SecretKey::generate(suite, &mut rng).unwrap();
        let signature = key.sign(b"hello").unwrap();
        assert_eq!(signature.len(), suite.signature_bytes());
        assert_eq!(key.public().verify(b"hello", &signature), Ok(()));
        assert_eq!(key.public().verify(b"hullo", &signature), Err(BadSignature));
        assert_eq!(other.public().verify(b"hello", &signature), Err(BadSignature));
        assert_eq!(key.public().verify(b"hello", &signature[1..]), Err(BadSignature));
        for at in [0, 31, 32, 63] {
            let mut bent = signature.clone();
            bent[at] ^= 1;
            assert_eq!(key.public().verify(b"hello", &bent), Err(BadSignature));
        }
    }
}

#[test]
fn keys_come_back_from_rest_and_from_spki() {
    let mut rng = Rng::seeded(2);
    for suite in BOTH {
        let key = SecretKey::generate(suite, &mut rng).unwrap();
        let again = SecretKey::from_bytes(suite, &key.to_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(&PublicKey::from_spki(key.public().spki()).unwrap(), key.public());
        assert_eq!(&PublicKey::from_raw(suite, key.public().raw()).unwrap(), key.public());
    }
}

#[test]
fn tls_libraries_can_load_the_pkcs8_form() {
    let mut rng = Rng::seeded(3);
    let key = SecretKey::generate(Suite::Ed25519, &mut rng).unwrap();
    assert!(aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.to_pkcs8()).is_ok());
    let key = SecretKey::generate(Suite::EcdsaP256, &mut rng).unwrap();
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    assert!(aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(algorithm, &key.to_pkcs8()).is_ok());
}

#[test]
fn rfc_8032_test_2() {
    let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
    let key = SecretKey::from_bytes(Suite::Ed25519, &seed).unwrap();
    assert_eq!(
        hex::encode(key.public().raw()),
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    );
    assert_eq!(
        hex::encode(key.sign(&[0x72]).unwrap()),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

#[test]
fn rfc_6979_a_2_5_is_the_ecdsa_nonce_and_s_is_lowered() {
    let secret = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let key = SecretKey::from_bytes(Suite::EcdsaP256, &secret).unwrap();
    // The RFC's s for "sample" is f7cb1c94...; ours is the order minus that.
    let signature = hex::encode(key.sign(b"sample").unwrap());
    assert_eq!(&signature[..64], "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
    assert_eq!(&signature[64..], "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9");
    let high = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    let high = hex::decode([&signature[..64], high].concat()).unwrap();
    assert_eq!(key.public().verify(b"sample", &high), Err(BadSignature));
}

#[test]
fn ed25519_keys_of_small_order_or_second_spelling_are_refused() {
    let raw = |text: &str| PublicKey::from_raw(Suite::Ed25519, &hex::decode(text).unwrap()).map(|_| ());
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ];
    for key in small {
        assert_eq!(raw(key), Err(KeyError::SmallOrder), "{key}");
    }
    // y = p + 3 is a second spelling of y = 3, which is a point of large order.
    assert_eq!(raw("0300000000000000000000000000000000000000000000000000000000000000"), Ok(()));
    assert_eq!(
        raw("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Err(KeyError::NotCanonical)
    );
    assert_eq!(raw("02000000"), Err(KeyError::Malformed { suite: Suite::Ed25519 }));
}

#[test]
fn a_p256_point_must_be_on_the_curve_and_uncompressed() {
    let mut rng = Rng::seeded(4);
    let key = SecretKey::generate(Suite::EcdsaP256, &mut rng).unwrap();
    let malformed = Err(KeyError::Malformed { suite: Suite::EcdsaP256 });
    let mut off_curve = key.public().raw().to_vec();
    off_curve[64] ^= 1;
    assert_eq!(PublicKey::from_raw(Suite::EcdsaP256, &off_curve), malformed);
    let compressed = [&[2], &key.public().raw()[1..33]].concat();
    assert_eq!(PublicKey::from_raw(Suite::EcdsaP256, &compressed), malformed);
    assert!(SecretKey::from_bytes(Suite::EcdsaP256, &[0; 32]).is_err());
}

#[test]
fn gost_is_named_and_not_supported_yet() {
    for suite in [Suite::Gost256, Suite::Gost512] {
        let made = SecretKey::generate(suite, &mut Rng::seeded(5)).map(|_| ());
        assert_eq!(made, Err(KeyError::Unsupported { suite }));
    }
    // The SPKI of RFC 9215, appendix D.1 in shape: algorithm GOST 256 with its parameter set.
    let spki = hex::decode("3010300a06082a850307010101010302 0000".replace(' ', "")).unwrap();
    assert_eq!(PublicKey::from_spki(&spki), Err(KeyError::Unsupported { suite: Suite::Gost256 }));
}
