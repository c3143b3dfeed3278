//! One message to a thousand connections, again and again: time until the last one has it, and the server's processor time
//! for each delivery. The yardstick is quinn as one would first write it: a task and a queue for each connection.
//! Never more than one message under way, so that nothing is gained by putting messages together.

use crate::Size;
use crate::backfill::Backfill;
use crate::load::Run;
use crate::measure::{cpu_of, median};
use crate::site::{OWN, Server, Site, scratch};
use crate::table::{Bound, Row};
use crate::terminal::Terminal;
use crate::yardstick;
use anyhow::{Context, Result};
use journal::ids::ConversationId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A message that is not everywhere by then is lost.
const LOST: Duration = Duration::from_secs(30);

/// Who has got what, of all receivers together.
#[derive(Default)]
pub(crate) struct Arrivals {
    count: AtomicU64,
    awaited: AtomicU64,
    all_here: Notify,
}

impl Arrivals {
    /// A receiver got so many messages.
    pub(crate) fn add(&self, messages: u64) {
        let count = self.count.fetch_add(messages, Ordering::Relaxed) + messages;
        if count >= self.awaited.load(Ordering::Relaxed) {
            self.all_here.notify_one();
        }
    }

    fn expect(&self, more: u64) {
        self.awaited.fetch_add(more, Ordering::Relaxed);
    }

    async fn wait(&self) -> Result<()> {
        let here = async {
            while self.count.load(Ordering::Relaxed) < self.awaited.load(Ordering::Relaxed) {
                self.all_here.notified().await;
            }
        };
        tokio::time::timeout(LOST, here).await.context("a message did not reach everybody")
    }
}

/// Whoever says the one message: of the product or of the yardstick.
pub(crate) trait Speaker {
    /// Says it and does not wait for the answer.
    async fn say(&mut self) -> Result<()>;
}

struct Member {
    terminal: Terminal,
    conversation: ConversationId,
    run: Arc<Run>,
}

impl Speaker for Member {
    async fn say(&mut self) -> Result<()> {
        self.terminal.say(self.conversation, self.run.stamp(0)).await
    }
}

/// What a run gave, for one message: milliseconds to the last receiver, microseconds of the server for each.
struct Cost {
    last_ms: f64,
    delivery_us: f64,
}

/// Sends the messages one after the other.
async fn rounds(
    server: &Server,
    arrivals: &Arrivals,
    receivers: u64,
    count: u64,
    sender: &mut impl Speaker,
) -> Result<Cost> {
    let before = cpu_of(server.process())?;
    let mut times = Vec::new();
    for _ in 0..count {
        arrivals.expect(receivers);
        let begin = Instant::now();
        sender.say().await?;
        arrivals.wait().await?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let spent = cpu_of(server.process())? - before;
    let delivery_us = spent.as_secs_f64() * 1e6 / (count * receivers) as f64;
    Ok(Cost { last_ms: median(times), delivery_us })
}

/// The product and its yardstick, one after the other.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let (receivers, count) = size.pick((200, 20), (1000, 50));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dir = scratch()?;
    let server = yardstick::start(dir.path(), receivers + 1)?;
    let yard = runtime.block_on(async {
        let arrivals = Arc::new(Arrivals::default());
        let mut sender = yardstick::Crowd::gather(&server, receivers, &arrivals).await?;
        rounds(&server, &arrivals, receivers as u64, count, &mut sender).await
    })?;
    server.kill();
    let ours = product(&runtime, receivers, count)?;
    let against = "quinn with a task and a queue for each connection";
    let row = |name, unit, product, yardstick| {
        let (yardstick, bound) = (Some(yardstick), Bound::AtMost(0.65));
        Row { name, unit, product, yardstick, against, bound }
    };
    Ok(vec![
        row("one message to 1,000, until the last has it", "ms", ours.last_ms, yard.last_ms),
        row("one message to 1,000, server CPU for each", "us", ours.delivery_us, yard.delivery_us),
    ])
}

fn product(runtime: &tokio::runtime::Runtime, receivers: usize, count: u64) -> Result<Cost> {
    let logins: Vec<String> = (0..=receivers).map(|n| format!("crowd{n}")).collect();
    let site = Site::founded(&logins, 256 << 20)?;
    let server = site.start()?;
    runtime.block_on(async {
        for login in &logins {
            Terminal::first(&site, login, &server).await?;
        }
        anyhow::Ok(())
    })?;
    server.stop()?;
    let conversation: ConversationId = Backfill::open(&site)?.group(&logins)?;
    let server = site.start()?;
    let cost = runtime.block_on(async {
        let arrivals = Arc::new(Arrivals::default());
        for login in &logins[1..] {
            let (terminal, _) = Terminal::enter(&site, login, &server, OWN).await?;
            tokio::spawn(terminal.listen(arrivals.clone()));
        }
        let (terminal, _) = Terminal::enter(&site, &logins[0], &server, OWN).await?;
        let mut sender = Member { terminal, conversation, run: Run::new(LOST) };
        rounds(&server, &arrivals, receivers as u64, count, &mut sender).await
    })?;
    server.stop()?;
    Ok(cost)
}
