//! Handshakes, and what an idle session costs in memory.
//! Never counts a connection that did not come to its stream.

use crate::Size;
use crate::measure::resident_of;
use crate::site::{ONE_TIME, Server, Site, scratch};
use crate::table::{Bound, Row};
use crate::terminal::{Terminal, connect};
use crate::yardstick::{self, Silent};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Clients that connect at once.
const AT_ONCE: usize = 8;
/// Sessions before the first look at the memory: what is made once is made then.
const WARM: usize = 32;

fn logins(size: Size) -> Vec<String> {
    (0..WARM + size.pick(128, 512)).map(|n| format!("idle{n}")).collect()
}

/// Connections per second, each with a full mutual handshake and a stream.
pub(crate) fn handshakes(size: Size) -> Result<Vec<Row>> {
    let each = size.pick(60, 300);
    let logins = logins(Size::Quick);
    let site = Site::founded(&logins, 64 << 20)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dir = scratch()?;
    let server = yardstick::start(dir.path(), AT_ONCE)?;
    let begin = Instant::now();
    runtime.block_on(async {
        let all: Vec<_> = (0..AT_ONCE).map(|n| yardstick::handshakes(&server, n, each)).collect();
        together(all).await
    })?;
    let yard = (AT_ONCE * each) as f64 / begin.elapsed().as_secs_f64();
    server.kill();
    let server = site.start()?;
    let begin = Instant::now();
    runtime.block_on(async {
        let all: Vec<_> = logins[..AT_ONCE].iter().map(|login| shake(&site, login, &server, each)).collect();
        together(all).await
    })?;
    let ours = (AT_ONCE * each) as f64 / begin.elapsed().as_secs_f64();
    server.stop()?;
    Ok(vec![Row {
        name: "mutual handshakes, both ends counted",
        unit: "1/s",
        product: ours,
        yardstick: Some(yard),
        against: "bare quinn without Retry, any certificate",
        bound: Bound::None,
    }])
}

async fn shake(site: &Site, login: &str, server: &Server, count: usize) -> Result<()> {
    for _ in 0..count {
        drop(connect(site, login, server).await?);
    }
    Ok(())
}

/// All of them at once, on this thread.
async fn together<F: Future<Output = Result<()>>>(all: Vec<F>) -> Result<()> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).map(Some).collect();
    std::future::poll_fn(|cx| {
        for place in &mut all {
            let Some(future) = place else { continue };
            if let std::task::Poll::Ready(done) = future.as_mut().poll(cx) {
                done?;
                *place = None;
            }
        }
        match all.iter().any(Option::is_some) {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(Ok(())),
        }
    })
    .await
}

/// Memory that the server has for each session that is logged in and silent.
pub(crate) fn idle(size: Size) -> Result<Vec<Row>> {
    let logins = logins(size);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dir = scratch()?;
    let people = Silent::of(logins.len());
    let server = yardstick::start(dir.path(), logins.len())?;
    let enter = |n| people.enter(n, &server);
    let bare = runtime.block_on(each(&server, logins.len(), enter))?;
    server.kill();
    let site = Site::founded(&logins, 64 << 20)?;
    let server = site.start()?;
    let enter = |n: usize| Terminal::enter(&site, &logins[n], &server, ONE_TIME);
    let per_session = runtime.block_on(each(&server, logins.len(), enter))?;
    server.stop()?;
    Ok(vec![Row {
        name: "memory per idle session",
        unit: "KiB",
        product: per_session,
        yardstick: Some(bare),
        against: "bare quinn, a task and a queue for each connection",
        bound: Bound::ValueAtMost(36.0),
    }])
}

/// What each of so many that enter one after the other, and stay, adds to the server's memory, KiB.
async fn each<T>(
    server: &Server,
    count: usize,
    mut enter: impl AsyncFnMut(usize) -> Result<T>,
) -> Result<f64> {
    let (mut live, mut before) = (Vec::with_capacity(count), 0);
    for n in 0..count {
        if n == WARM {
            before = settled(server).await?;
        }
        live.push(enter(n).await?);
    }
    let grown = settled(server).await?.saturating_sub(before);
    Ok(grown as f64 / (count - WARM) as f64 / 1024.0)
}

/// The memory once the last handshake's own is given back.
async fn settled(server: &Server) -> Result<u64> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    resident_of(server.process())
}
