//! A site whose store is a raw block device of the kernel's.
//! Never touches a device that it did not make.

#[path = "../../../lib/disk/tests/support/loops.rs"]
mod loops;

use super::{Client, Server, Site};
use journal::ConversationId;
pub(crate) use loops::{LoopDevice, missing_for};
use pki::Suite;
use std::path::Path;
use std::process::Output;

/// A founded site whose store lies on a loop device over its former container.
pub(crate) fn site_on(sector_bytes: u32) -> (Site, LoopDevice) {
    let site = Site::founded(Suite::Ed25519);
    let device = LoopDevice::over(Path::new(&site.path("store")), sector_bytes).unwrap();
    point(&site, &device);
    (site, device)
}

/// From here on the configuration names the device.
pub(crate) fn point(site: &Site, device: &LoopDevice) {
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let pointed = text.replace(&site.path("store"), device.path().to_str().unwrap());
    assert_ne!(text, pointed);
    std::fs::write(config, pointed).unwrap();
}

/// Both are in, and talk.
pub(crate) async fn talking(site: &Site, server: &Server) -> (Client, Client, ConversationId) {
    let (mut anna, mut boris) = (Client::new(site, "anna"), Client::new(site, "boris"));
    anna.first_login(site, "anna", server).await;
    boris.first_login(site, "boris", server).await;
    let conversation = anna.talk_to(site, "boris").await;
    (anna, boris, conversation)
}

pub(crate) fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}
