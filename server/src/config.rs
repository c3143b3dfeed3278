//! The configuration file: TOML, every key known, every mistake told with its line.
//! Never holds a secret, and never guesses: a key that is not known is an error.

use crate::cell_place::{CellPlace, TpmAt};
use crate::limits::{CONNECTIONS_MAX, Limits};
use crate::log::Level;
use crate::words::Reason;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Longest configuration file that is read, bytes.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;
/// Most addresses to listen on.
const ADDRESSES_MAX: usize = 16;
/// Smallest store, bytes.
const STORE_BYTES_MIN: u64 = 16 << 20;

/// Everything that the file may say. `conclaved.example.toml` says it with comments.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the server's keys are (`DIR/keys`).
    pub(crate) state_dir: PathBuf,
    /// Where the status socket is made.
    pub(crate) runtime_dir: PathBuf,
    /// What is logged.
    #[serde(default)]
    pub(crate) log_level: Level,
    /// The store.
    pub(crate) store: StoreConfig,
    /// The network.
    pub(crate) network: NetworkConfig,
    /// Limits of connections.
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// See [`Config::store`].
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreConfig {
    /// The container file.
    pub(crate) path: PathBuf,
    /// The root cell.
    pub(crate) cell: CellPlace,
    /// A second one that mirrors it.
    #[serde(default)]
    pub(crate) second_cell: Option<CellPlace>,
    /// The TPM of a cell that is one.
    #[serde(default)]
    pub(crate) tpm: Option<TpmAt>,
    /// The file with the authorisation value of a TPM cell, where the service manager does not hand it over.
    #[serde(default)]
    pub(crate) cell_auth: Option<PathBuf>,
    /// Where the unlock secret is read from, where the site has one and the service manager does not hand it over.
    #[serde(default)]
    pub(crate) unlock_file: Option<PathBuf>,
    /// How large `conclaved init` makes the container, bytes: whole blocks of 4096.
    #[serde(default = "default_store_bytes")]
    pub(crate) bytes: u64,
}

/// See [`Config::network`].
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkConfig {
    /// Addresses with UDP ports.
    pub(crate) listen: Vec<SocketAddr>,
}

fn default_store_bytes() -> u64 {
    1 << 30
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A key, a value or the whole is wrong.
    #[error("{path}{}: {}", at_line(*line), what.en)]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Counted from 1; 0 when it is about no line of its own.
        line: usize,
        /// What is wrong and what is expected.
        what: Reason,
    },
}

/// Where in the file; nothing where it is about no line of its own.
fn at_line(line: usize) -> String {
    if line > 0 { format!(", line {line}") } else { String::new() }
}

impl Config {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason| ConfigError::Unreadable { path: path.to_owned(), reason };
        if std::fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES_MAX {
            let what = Reason {
                en: format!("longer than {CONFIG_BYTES_MAX} bytes"),
                ru: format!("файл длиннее {CONFIG_BYTES_MAX} байт"),
            };
            return Err(ConfigError::Wrong { path: path.to_owned(), line: 0, what });
        }
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            // The parser speaks one language.
            let (en, said) = (error.message().to_owned(), error.message());
            let ru = format!("ключ или значение не подходит. Ответ разбора: {said}");
            ConfigError::Wrong { path: path.to_owned(), line, what: Reason { en, ru } }
        })?;
        match config.fault() {
            Some(what) => Err(ConfigError::Wrong { path: path.to_owned(), line: 0, what }),
            None => Ok(config),
        }
    }

    /// What types cannot say.
    fn fault(&self) -> Option<Reason> {
        let Limits { connections, connections_per_certificate, connections_per_address } = self.limits;
        let positive = connections > 0 && connections_per_certificate > 0 && connections_per_address > 0;
        let store = &self.store;
        let absolute = [&self.state_dir, &self.runtime_dir, &store.path].into_iter();
        let mut absolute = absolute.chain(&store.unlock_file).chain(&store.cell_auth);
        let cells = [Some(&store.cell), store.second_cell.as_ref()];
        let cell_is_store = cells.into_iter().flatten().any(|cell| cell.path() == Some(&store.path));
        let is_tpm = |cell: &CellPlace| matches!(cell, CellPlace::Tpm(_));
        let tpm_is_used = cells.into_iter().flatten().any(is_tpm);
        let (en, ru) = if !absolute.all(|path| path.is_absolute()) {
            (
                "state_dir, runtime_dir, store.path, store.unlock_file and store.cell_auth are absolute paths",
                "state_dir, runtime_dir, store.path, store.unlock_file и store.cell_auth — полные пути, от корня",
            )
        } else if tpm_is_used != store.tpm.is_some() {
            (
                "store.tpm says where the TPM of a cell \"tpm:0x…\" is, and goes with such a cell",
                "store.tpm говорит, где TPM ячейки вида \"tpm:0x…\", и указывается только вместе с ней",
            )
        } else if cell_is_store {
            (
                "store.path and store.cell are two places: who holds both opens everything",
                "store.path и store.cell должны быть разными местами: у кого есть оба, тот откроет всё",
            )
        } else if store.second_cell.as_ref().is_some_and(|second| second.overlaps(&store.cell)) {
            (
                "store.second_cell is another cell than store.cell, and a TPM cell takes three indices",
                "store.second_cell — другая ячейка, не store.cell, а ячейка в TPM занимает три индекса",
            )
        } else if self.network.listen.is_empty() || self.network.listen.len() > ADDRESSES_MAX {
            (
                "network.listen has 1 to 16 addresses, as in [\"10.0.0.1:4433\"]",
                "в network.listen от 1 до 16 адресов, например [\"10.0.0.1:4433\"]",
            )
        } else if !self.store.bytes.is_multiple_of(4096) || self.store.bytes < STORE_BYTES_MIN {
            (
                "store.bytes is a multiple of 4096 and at least 16777216",
                "store.bytes кратно 4096 и не меньше 16777216",
            )
        } else if !positive || connections > CONNECTIONS_MAX {
            (
                "limits are at least 1, and limits.connections at most 4096",
                "в limits каждое число не меньше 1, а limits.connections не больше 4096",
            )
        } else {
            return None;
        };
        Some(Reason::new(en, ru))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../conclaved.example.toml");

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("c.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_is_a_configuration_and_names_every_key() {
        let config = parse(EXAMPLE).unwrap();
        assert_eq!(config.limits, Limits::default(), "the example shows the defaults");
        assert_eq!(config.store.bytes, default_store_bytes());
        for key in [
            "state_dir",
            "runtime_dir",
            "log_level",
            "path",
            "cell",
            "# second_cell",
            "# tpm",
            "# cell_auth",
            "# unlock_file",
            "bytes",
            "listen",
            "connections",
            "connections_per_certificate",
            "connections_per_address",
        ] {
            let at = EXAMPLE.lines().position(|line| line.starts_with(&format!("{key} = ")));
            let at = at.unwrap_or_else(|| panic!("no {key}"));
            assert!(
                EXAMPLE.lines().nth(at - 1).is_some_and(|line| line.starts_with('#')),
                "{key} has no comment"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let wrong = EXAMPLE.replace("log_level", "log_levle");
        let line = wrong.lines().position(|line| line.starts_with("log_levle")).unwrap() + 1;
        let said = parse(&wrong).unwrap_err();
        assert!(said.contains(&format!("line {line}:")) && said.contains("log_levle"), "{said}");
        assert!(said.contains("expected one of"), "{said}");
        let nested = EXAMPLE.replace("connections_per_address", "connections_per_adress");
        assert!(parse(&nested).unwrap_err().contains("connections_per_adress"));
    }

    #[test]
    fn wrong_values_say_what_is_expected() {
        for (from, to, said) in [
            ("log_level = \"info\"", "log_level = \"loud\"", "expected one of"),
            ("listen = [\"0.0.0.0:4433\"]", "listen = [\"somewhere\"]", "socket address"),
            ("listen = [\"0.0.0.0:4433\"]", "listen = []", "1 to 16 addresses"),
            ("bytes = 1073741824", "bytes = 1000", "multiple of 4096"),
            ("bytes = 1073741824", "bytes = \"1G\"", "expected u64"),
            ("state_dir = \"/", "state_dir = \"", "absolute"),
            ("cell = \"/var/lib/conclave/cell\"", "cell = \"/var/lib/conclave/store\"", "two places"),
            ("cell = \"/var/lib/conclave/cell\"", "cell = \"tpm:0x01c10200\"", "goes with such a cell"),
            ("cell = \"/var/lib/conclave/cell\"", "cell = \"sector:dev/sda1\"", "absolute path"),
            (
                "cell = \"/var/lib/conclave/cell\"",
                "cell = \"tpm:0x01c10200\"\nsecond_cell = \"tpm:0x01c10202\"\ntpm = \"/dev/tpmrm0\"",
                "three indices",
            ),
            (
                "cell = \"/var/lib/conclave/cell\"",
                "cell = \"tpm:0x01c10200\"\ntpm = \"/dev/tpm0\"",
                "resource manager",
            ),
            ("connections = 4096", "connections = 4097", "at most 4096"),
            ("connections_per_certificate = 2", "connections_per_certificate = 0", "at least 1"),
        ] {
            let wrong = EXAMPLE.replace(from, to);
            assert_ne!(wrong, EXAMPLE, "{from}");
            let found = parse(&wrong).unwrap_err();
            assert!(found.contains(said) && !found.contains("line 0"), "{to}: {found}");
        }
    }
}
