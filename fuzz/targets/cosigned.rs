//! What a server kept of a cosigned head: nothing but the head that the log's key signed and the line that the witness signed
//! comes back, and nothing else contradicts the journal. What nobody has changed is the control: it comes back whole.
#![no_main]

use fuzz::watched::{Watched, watched};
use journal::tree::Tree;
use libfuzzer_sys::fuzz_target;
use protocol::engine::cosigned::{BroughtBack, contradiction};
use std::sync::LazyLock;

static SITE: LazyLock<&Watched> = LazyLock::new(|| {
    let site = watched();
    let back = site.engine().bring_back_cosigned(&site.kept).ok();
    assert_eq!(back, Some(BroughtBack { size: site.tree.size(), dropped: 0 }), "the control");
    site
});

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fuzz_target!(|bytes: &[u8]| {
    let site = *SITE;
    assert_eq!(contradiction(bytes, &site.register, &site.tree, site.identity()), None);
    // A journal that was put back before its first entry: what its own key signed says so, and nothing else does.
    let put_back = contradiction(bytes, &site.register, &Tree::new(), site.identity());
    assert!(put_back.is_none_or(|head| head == site.head()));
    if let Ok(back) = site.engine().bring_back_cosigned(bytes) {
        assert_eq!((back.size, put_back), (site.tree.size(), Some(site.head())));
        assert!(holds(bytes, site.line.as_bytes()), "the witness signed this line and no other");
    }
});
