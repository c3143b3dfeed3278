//! Messages to a group: the product and its yardstick by turns, so that both see the same machine.
//! Never lets the two run at once.

use crate::Size;
use crate::backfill::Backfill;
use crate::load::{MEMBERS, Member, Outcome, Run, Spent};
use crate::measure::median;
use crate::site::{OWN, Server, Site, scratch};
use crate::table::{Bound, Row};
use crate::terminal::Terminal;
use crate::yardstick;
use anyhow::Result;
use journal::ids::ConversationId;
use std::time::Duration;

/// Runs both by turns; the figures are the medians of the rounds.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let (rounds, sending) = size.pick((1, Duration::from_secs(3)), (5, Duration::from_secs(5)));
    let logins: Vec<String> = (0..MEMBERS).map(|n| format!("member{n}")).collect();
    let site = Site::founded(&logins, size.pick(512 << 20, 1 << 30))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let conversation = found(&site, &logins, &runtime)?;
    let dir = scratch()?;
    let (mut yard, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let server = yardstick::start(dir.path(), MEMBERS)?;
        yard.push(runtime.block_on(yardstick::run(&server, sending))?);
        server.kill();
        std::fs::remove_file(dir.path().join("yardstick"))?;
        let server = site.start()?;
        ours.push(runtime.block_on(load(&site, &logins, &server, conversation, sending))?);
        server.stop()?;
    }
    for (n, (yard, ours)) in yard.iter().zip(&ours).enumerate() {
        eprintln!(
            "  round {}: yardstick {:.0}/s ({} messages), product {:.0}/s ({})",
            n + 1,
            yard.per_second,
            yard.messages,
            ours.per_second,
            ours.messages
        );
    }
    Ok(rows(ours, yard))
}

/// Everybody has a password of his own; then the group is written into the stopped server's store.
fn found(site: &Site, logins: &[String], runtime: &tokio::runtime::Runtime) -> Result<ConversationId> {
    let server = site.start()?;
    runtime.block_on(async {
        for login in logins {
            Terminal::first(site, login, &server).await?;
        }
        anyhow::Ok(())
    })?;
    server.stop()?;
    Backfill::open(site)?.group(logins)
}

async fn load(
    site: &Site,
    logins: &[String],
    server: &Server,
    conversation: ConversationId,
    sending: Duration,
) -> Result<Outcome> {
    let mut terminals = Vec::new();
    for login in logins {
        terminals.push(Terminal::enter(site, login, server, OWN).await?.0);
    }
    let before = Spent::so_far(server.process())?;
    let run = Run::new(sending);
    let begin = |(number, terminal): (usize, Terminal)| {
        tokio::spawn(terminal.run(Member::new(run.clone(), number), conversation))
    };
    let tasks: Vec<_> = terminals.into_iter().enumerate().map(begin).collect();
    let mut members = Vec::new();
    for task in tasks {
        members.push(task.await??);
    }
    Ok(Outcome::of(members, Spent::so_far(server.process())?.since(before)))
}

fn rows(mut ours: Vec<Outcome>, mut yard: Vec<Outcome>) -> Vec<Row> {
    let mut row = |name, unit, bound, value: fn(&mut Outcome) -> f64| Row {
        name,
        unit,
        product: median(ours.iter_mut().map(value).collect()),
        yardstick: Some(median(yard.iter_mut().map(value).collect())),
        against: "bare quinn: verify, seal, group fdatasync",
        bound,
    };
    vec![
        row("messages delivered to all ten", "1/s", Bound::AtLeast(0.8), |run| run.per_second),
        row("acknowledgement p50", "ms", Bound::None, |run| run.acks.percentile_ms(50)),
        row("acknowledgement p99", "ms", Bound::AtMost(1.25), |run| run.acks.percentile_ms(99)),
        row("delivery p50", "ms", Bound::None, |run| run.deliveries.percentile_ms(50)),
        row("delivery p99", "ms", Bound::None, |run| run.deliveries.percentile_ms(99)),
        row("server CPU per message", "us", Bound::None, |run| run.cpu_us),
        row("load generator CPU per message", "us", Bound::None, |run| run.load_us),
    ]
}
