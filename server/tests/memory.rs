//! The whole memory of a running daemon, read by root from outside, and searched for what must not lie there: texts,
//! passwords, keys of the vault, keys of the device, the unlock secret, and whatever was erased.
//! Needs root; where it is not to be had, each test says so and is counted as skipped.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use journal::act::EraseTarget;
use pki::Suite;
use protocol::client::{Command, Event, Reply};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use support::{Client, Server, Site, runtime};
use vault::adversary::{LiveKey, device_keys, live_keys};
use vault::{FileCell, Place, SECRETS_CONVERSATION, Vault};

/// What is looked for, and what it is.
struct Needles {
    names: Vec<String>,
    bytes: Vec<Vec<u8>>,
}

impl Needles {
    fn new() -> Self {
        Self { names: Vec::new(), bytes: Vec::new() }
    }

    fn key(&mut self, name: impl Into<String>, bytes: &[u8]) {
        assert!(bytes.len() >= 12, "shorter ones are found by chance");
        self.names.push(name.into());
        self.bytes.push(bytes.to_vec());
    }

    /// A text in UTF-8, UTF-16LE, and both of them in base64 at each of its three offsets.
    fn text(&mut self, text: &str) {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (form, bytes) in [("UTF-8", text.as_bytes()), ("UTF-16LE", &wide)] {
            self.key(format!("{text:?} in {form}"), bytes);
            for before in 0..3 {
                let letters = STANDARD_NO_PAD.encode([&vec![0; before][..], bytes].concat());
                // Only those that do not depend on what stands around.
                let inner = &letters[(8 * before).div_ceil(6)..8 * (before + bytes.len()) / 6];
                self.key(format!("{text:?} in {form}, base64 from byte {before}"), inner.as_bytes());
            }
        }
    }

    /// Names of those that the memory holds, and in which mappings.
    fn found_in(&self, memory: &Memory) -> BTreeMap<String, Vec<String>> {
        let head = |bytes: &[u8]| u64::from_le_bytes(*bytes.first_chunk().unwrap());
        let mut by_head: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for (number, needle) in self.bytes.iter().enumerate() {
            by_head.entry(head(needle)).or_default().push(number);
            begins[usize::from(head(needle) as u16)] = true;
        }
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (mapping, bytes) in &memory.readable {
            for (at, window) in bytes.array_windows::<8>().enumerate() {
                let head = u64::from_le_bytes(*window);
                if !begins[usize::from(head as u16)] {
                    continue;
                }
                for number in by_head.get(&head).into_iter().flatten() {
                    if bytes[at..].starts_with(&self.bytes[*number]) {
                        found.entry(self.names[*number].clone()).or_default().push(mapping.clone());
                    }
                }
            }
        }
        found
    }
}

/// What root reads of a process, mapping by mapping, and what he does not.
struct Memory {
    readable: Vec<(String, Vec<u8>)>,
    secret: usize,
}

impl Memory {
    fn of(server: &Server) -> Self {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", server.pid())).unwrap();
        let memory = File::open(format!("/proc/{}/mem", server.pid())).unwrap();
        let (mut readable, mut secret) = (Vec::new(), 0);
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
            if !rights.starts_with('r') || line.contains("[v") {
                continue; // Guard pages, and what the kernel shows of itself.
            }
            let mut bytes = vec![0; (to - from) as usize];
            match memory.read_exact_at(&mut bytes, from) {
                Ok(()) => readable.push((line.to_owned(), bytes)),
                Err(error) if line.contains("secretmem") => {
                    assert_eq!(error.raw_os_error(), Some(nix::errno::Errno::EIO as i32));
                    secret += 1;
                }
                Err(error) => panic!("{line}: {error}"),
            }
        }
        Self { readable, secret }
    }

    /// What must be found, or the search finds nothing.
    fn shows_its_configuration(&self, site: &Site) {
        let mut control = Needles::new();
        control.key("its configuration", site.path("state").as_bytes());
        assert!(control.found_in(self).contains_key("its configuration"));
    }

    fn holds_none_of(&self, needles: &Needles, when: &str) {
        let found = needles.found_in(self);
        let told: Vec<String> = found.iter().map(|(name, at)| format!("{name}: {at:#?}")).collect();
        assert!(found.is_empty(), "{when}, in memory:\n{}", told.join("\n"));
    }
}

/// Why a memory cannot be read here; said in the words that `cargo xtask test` counts.
fn missing_for(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        // Past libtest's capture, so that a test which could not run is named and counted, and not taken for a green one.
        let _ = writeln!(std::io::stdout(), "test {test} ... ignored, needs root");
    }
    !is_root
}

/// Every key of the vault that exists, from a copy of store and cell: what whoever takes the machine would have.
fn vault_keys(site: &Site) -> Vec<LiveKey> {
    let copy = tempfile::tempdir().unwrap();
    for name in ["store", "cell"] {
        std::fs::copy(site.path(name), copy.path().join(name)).unwrap();
    }
    let device = disk::FileDevice::open(&copy.path().join("store")).unwrap();
    let cell = FileCell::open(&copy.path().join("cell")).unwrap();
    let limits = vault::Limits::default();
    let (vault, _) = Vault::open(Arc::new(device), Box::new(cell), limits, &mut support::rng()).unwrap();
    let reader = vault.reader();
    let conversations = (0..400).chain([SECRETS_CONVERSATION]);
    for place in conversations.flat_map(|of| (0..80).map(move |item| Place::item(of, item))) {
        let _loads_the_nodes_on_its_way = reader.read(place);
    }
    live_keys(&vault)
}

/// Conversation, and the indices of what was sent.
async fn says(
    anna: &mut Client,
    boris: &str,
    site: &Site,
    texts: &[&str],
) -> (journal::ConversationId, Vec<u64>) {
    let conversation = anna.talk_to(site, boris).await;
    let mut indices = Vec::new();
    for text in texts {
        let Ok(Reply::Admitted(sent)) = anna.run(Client::message(conversation, text)).await else { panic!() };
        indices.push(sent.index);
    }
    (conversation, indices)
}

const TEXTS: [&str; 4] =
    ["canary of the first text", "canary of the second text", "canary of the third", "канарейка в клетке"];

#[test]
fn neither_texts_nor_passwords_nor_keys_lie_in_the_daemons_memory_nor_what_was_erased() {
    let name = "neither_texts_nor_passwords_nor_keys_lie_in_the_daemons_memory_nor_what_was_erased";
    if missing_for(name) {
        return;
    }
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (conversation, sent) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        says(&mut anna, "boris", &site, &TEXTS).await
    });
    let mut needles = Needles::new();
    TEXTS.iter().for_each(|text| needles.text(text));
    for login in ["anna", "boris"] {
        for password in [format!("password {login}"), format!("one-time {login}")] {
            needles.text(&password);
            let proof = pki::password::login_proof(password.as_bytes(), site.person(login).id).unwrap();
            needles.key(format!("login proof of {password}"), proof.as_bytes());
        }
    }
    let cell = FileCell::look(Path::new(&site.path("cell"))).unwrap();
    let keys = device_keys(&cell).unwrap();
    keys.with_log(|key| needles.key("the device's log key", key));
    keys.verifiers().with(|key| needles.key("the device's verifiers key", key));
    let former = vault_keys(&site);
    assert!(former.len() > 8, "{}", former.len());
    former
        .iter()
        .enumerate()
        .for_each(|(number, key)| needles.key(format!("key {number}, epoch 0"), &key[..]));

    let memory = Memory::of(&server);
    memory.shows_its_configuration(&site);
    if memory.secret == 0 {
        println!("memfd_secret is not to be had here: only locked memory stands between root and the mask");
    }
    memory.holds_none_of(&needles, "while it serves");

    // Keys are drawn ahead; whoever read the memory before a message was sent must not open it.
    runtime.block_on(async {
        for text in TEXTS {
            assert!(anna.run(Client::message(conversation, text)).await.is_ok());
        }
    });
    let mut later = Needles::new();
    let fresh = vault_keys(&site).into_iter().filter(|key| !former.contains(key)).enumerate();
    fresh.for_each(|(number, key)| later.key(format!("later key {number}"), &key[..]));
    assert!(later.names.len() >= TEXTS.len(), "{:?}", later.names);
    memory.holds_none_of(&later, "before it was sent");

    runtime.block_on(async {
        let target = EraseTarget::Messages(conversation, vec![sent[0], sent[2]]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("it is called erased");
    });
    let latter = vault_keys(&site);
    latter
        .iter()
        .enumerate()
        .for_each(|(number, key)| needles.key(format!("key {number}, epoch 1"), &key[..]));
    assert!(former.iter().any(|key| !latter.contains(key)), "an erasure replaces keys");
    Memory::of(&server).holds_none_of(&needles, "behind an erasure");
}

#[test]
fn the_unlock_secret_does_not_lie_in_the_daemons_memory() {
    if missing_for("the_unlock_secret_does_not_lie_in_the_daemons_memory") {
        return;
    }
    let site = Site::requested(Suite::Ed25519);
    let (config, unlock) = (site.path("conclaved.toml"), site.path("unlock"));
    let secret: [u8; 32] = std::array::from_fn(|at| (at * 37 + 11) as u8);
    std::fs::write(&unlock, secret).unwrap();
    std::fs::set_permissions(&unlock, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[store]\n", &format!("[store]\nunlock_file = \"{unlock}\"\n")))
        .unwrap();
    let done = site.conclaved(&["init", "--config", &config, "--bundle", &site.path("site.bundle")]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (server, runtime) = (site.start(), runtime());
    let mut anna = Client::new(&site, "anna");
    runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        says(&mut anna, "boris", &site, &TEXTS).await
    });
    let mut needles = Needles::new();
    needles.key("the unlock secret", &secret);
    let letters: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    needles.key("the unlock secret in letters", letters.as_bytes());
    let memory = Memory::of(&server);
    memory.shows_its_configuration(&site);
    memory.holds_none_of(&needles, "while it serves");
}

#[test]
fn where_the_kernel_has_no_secret_memory_the_log_and_the_status_say_so() {
    let site = Site::founded(Suite::Ed25519);
    let library = site.path("nosecret.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/nosecret.c");
    let mut compiler = std::process::Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-O1", "-o", &library]).arg(source).arg("-ldl");
    assert!(compiler.status().unwrap().success(), "the compiler that builds the product builds this");
    let server = site.start_with(|command| {
        command.env("LD_PRELOAD", &library);
    });
    let said = "secret memory for the vault's keys: ";
    let line = server.began.lines().find(|line| line.contains(said)).expect("it is said at the start");
    assert!(line.contains("memfd_secret: ENOSYS"), "{line}");
    let asked = site.conclaved(&["status", "--json", "--config", &site.path("conclaved.toml")]);
    let told = String::from_utf8(asked.stdout).unwrap();
    assert!(told.contains(said) && told.contains("readable by root"), "{told}");
}
