//! A certificate request that is read keeps its bytes, and its names are ones that we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::parse(bytes) {
        assert_eq!(request.der(), bytes);
        assert!(request.names().check().is_ok());
        assert_eq!(request.key().suite(), request.agreement().suite());
    }
});
