//! `conclaved request`: makes the server's keys, which stay, and the request for its certificates, which travels.
//! Never makes keys where there are any.

use super::file_trouble;
use crate::keys::{KeysError, ServerKeys};
use crate::words::{Done, Trouble};
use console::{Exit, Voice};
use pki::durable_file::{Growing, UMASK};
use pki::exchange::RequestFile;
use pki::subject::{SERVER_LOGIN, SubjectNames};
use pki::{Request as Pkcs10, Suite};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved request --state /var/lib/conclave --server-name room --out server.request"
)]
pub(super) struct Request {
    /// The directory in which the keys stay.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The server's name as it stands in its certificate.
    #[arg(long, value_name = "NAME")]
    server_name: String,
    /// The site's suite: ed25519 or ecdsa-p256.
    #[arg(long, value_name = "SUITE", default_value = "ed25519", value_parser = ["ed25519", "ecdsa-p256"])]
    suite: String,
    /// Where to write the request.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Requested {
    out: PathBuf,
    keys: PathBuf,
    identity: String,
    fingerprint: String,
}

impl Request {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let names = SubjectNames {
            full_name: self.server_name.clone(),
            login: SERVER_LOGIN.into(),
            unit: Vec::new(),
        };
        names.check().map_err(|error| Trouble::Name { reason: error.to_string() })?;
        let suite = Suite::from_name(&self.suite)
            .ok_or_else(|| Trouble::Name { reason: format!("no suite {}", self.suite) })?;
        // The file first: keys without a request would be keys that nobody asked for.
        let trouble = |error| file_trouble(&self.out, error);
        let mut out = Growing::create(&self.out, UMASK).map_err(trouble)?;
        let file = self.make(suite, &names)?;
        out.write_all(file.to_text().as_bytes()).map_err(trouble)?;
        out.finish_new().map_err(trouble)?;
        let identity = file.identity.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
        let fingerprint = file.fingerprint();
        let keys = self.state.join("keys");
        let words = Done::Requested {
            out: self.out.display().to_string(),
            keys: keys.display().to_string(),
            fingerprint: fingerprint.clone(),
        };
        Ok(voice.done("request", &words, Requested { out: self.out, keys, identity, fingerprint }))
    }

    fn make(&self, suite: Suite, names: &SubjectNames) -> Result<RequestFile, Trouble> {
        let keys = ServerKeys::create(&self.state, suite, &mut crate::randomness::rng());
        let keys = keys.map_err(|error| match error {
            KeysError::Exist { path } => Trouble::KeysExist { path: path.display().to_string() },
            KeysError::Io { .. }
            | KeysError::Readable { .. }
            | KeysError::NotAKey { .. }
            | KeysError::Key(_) => Trouble::Keys { reason: error.reason() },
        })?;
        let request = Pkcs10::make(names, keys.tls.public(), keys.agreement.public(), &keys.tls);
        let request = request.map_err(|error| Trouble::Name { reason: error.to_string() })?;
        Ok(RequestFile::new(request, Some(keys.identity_public())))
    }
}
