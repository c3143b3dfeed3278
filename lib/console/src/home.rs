//! Where a person's credential and site card lie on a terminal: one rule for every program that goes online.
//! Never looks whether the directory is there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `--home`, else `CONCLAVE_HOME`, else `conclave` in the configuration directory. `None`: not even `HOME` is set.
pub fn home_dir(given: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .map(Path::to_owned)
        .or_else(|| set("CONCLAVE_HOME"))
        .or_else(|| set("XDG_CONFIG_HOME").map(|dir| dir.join("conclave")))
        .or_else(|| set("HOME").map(|dir| dir.join(".config").join("conclave")))
}

crate::words! {
    /// Why there is no such directory.
    pub enum NoHome {
        /// Neither an option nor a variable names one.
        Unset => en("there is no home directory; use --home"), ru("нет домашнего каталога; укажите --home");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_where_the_person_says_or_where_configuration_lies() {
        assert_eq!(home_dir(None, |_| None), None);
        let variable = |name: &str| match name {
            "HOME" => Some("/nowhere/olga".into()),
            "CONCLAVE_HOME" => Some(OsString::new()),
            _ => None,
        };
        assert_eq!(home_dir(None, variable), Some("/nowhere/olga/.config/conclave".into()));
        let variable = |name: &str| Some(format!("/{name}").into());
        assert_eq!(home_dir(None, variable), Some("/CONCLAVE_HOME".into()));
        assert_eq!(home_dir(Some(Path::new("/x")), variable), Some("/x".into()));
    }
}
