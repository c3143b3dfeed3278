//! What an erasure takes from a person's request to the server's word that it is done, over the real connection: one
//! message, and a conversation of many.
//! Never counts anything of the time before the request is signed.

use crate::Size;
use crate::backfill::Backfill;
use crate::measure::median;
use crate::site::{OWN, Site};
use crate::table::{Bound, Row};
use crate::terminal::Terminal;
use anyhow::Result;
use journal::act::EraseTarget;
use std::time::Duration;

/// Who writes in the conversations: what one person may have stored is bounded.
const MEMBERS: usize = 11;
/// Conversations that are erased, one after the other.
const CONVERSATIONS: u64 = 3;
/// Messages that are erased before, one after the other.
const MESSAGES: u64 = 9;

/// Single messages out of one of the conversations, then all conversations.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let each = size.pick(10_000, 100_000);
    let logins: Vec<String> = (0..MEMBERS).map(|n| format!("member{n}")).collect();
    let site = Site::founded(&logins, size.pick(128 << 20, 1 << 30))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = site.start()?;
    runtime.block_on(Terminal::first(&site, &logins[0], &server))?;
    server.stop()?;
    let mut conversations = Vec::new();
    {
        let mut backfill = Backfill::open(&site)?;
        for _ in 0..CONVERSATIONS {
            let conversation = backfill.group(&logins)?;
            conversations.push((conversation, backfill.stored(&logins, conversation, each)?));
        }
    }
    let server = site.start()?;
    let (one, whole) = runtime.block_on(async {
        let (mut owner, _) = Terminal::enter(&site, &logins[0], &server, OWN).await?;
        let (mut one, mut whole) = (Vec::new(), Vec::new());
        let (conversation, first) = conversations[0];
        for n in 0..MESSAGES {
            let message = first + each / MESSAGES * n;
            one.push(ms(owner.erase(EraseTarget::Messages(conversation, vec![message])).await?));
        }
        for (conversation, _) in conversations {
            whole.push(ms(owner.erase(EraseTarget::Conversation(conversation)).await?));
        }
        anyhow::Ok((median(one), median(whole)))
    })?;
    server.stop()?;
    let row = |name, product, yardstick, against, bound| Row {
        name,
        unit: "ms",
        product,
        yardstick,
        against,
        bound,
    };
    Ok(vec![
        row("erase one message, asked to \"erased\"", one, None, "", Bound::None),
        row(
            "erase a conversation, asked to \"erased\"",
            whole,
            Some(one),
            "erasing one message",
            Bound::AtMost(1.25),
        ),
    ])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
