//! A policy file: what is read is a policy that the Register would take.
//! The reader is taken in by its path, with a file system that holds the one text: its crate brings fonts and sheets along.
#![no_main]
#![allow(dead_code)]

#[path = "../../officer/src/policy_file.rs"]
mod policy_file;

mod trouble {
    use journal::policy::UnfitPolicy;

    #[derive(Debug)]
    pub enum Trouble {
        BadPolicy { why: UnfitPolicy },
        PolicyUnread { why: String },
        PolicyTime,
    }
}

mod files {
    use crate::trouble::Trouble;
    use std::cell::RefCell;
    use std::path::Path;

    thread_local! {
        pub static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    }

    pub fn read_text(_: &Path, _: u64) -> Result<String, Trouble> {
        Ok(TEXT.with(RefCell::take))
    }
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    files::TEXT.with(|kept| kept.replace(text.to_owned()));
    if let Ok(policy) = policy_file::read("policy.toml".as_ref()) {
        assert!(policy.check().is_ok());
    }
});
