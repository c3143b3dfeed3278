//! The writer beside a root cell that hangs.

use super::*;
use crate::inbox::{Letter, Letters, inbox};
use crate::pacing::hanging::{Hanging, Valve};
use std::time::{Duration, Instant};
use vault::{Limits, MemoryCell, Vault};

/// What the writer says up to the next input of this kind.
fn heard_until(letters: &mut Letters, is_last: impl Fn(&Input) -> bool) -> Vec<Input> {
    let mut heard = Vec::new();
    loop {
        let Some(Letter::Own(input)) = letters.next() else { panic!("the writer is gone") };
        let last = is_last(&input);
        heard.push(input);
        if last {
            return heard;
        }
    }
}

#[test]
fn while_a_cell_hangs_messages_are_acknowledged_and_the_erasure_is_over_when_it_has_answered() {
    let valve = Valve::default();
    let (dir, config) = World::place(16 << 20);
    let device = std::sync::Arc::new(disk::MemoryDevice::new(16 << 20));
    let geometry = disk::Geometry::for_length(16 << 20).unwrap();
    let cell = Box::new(Hanging(MemoryCell::new(Default::default(), None), valve.clone()));
    let vault = Vault::create(device, cell, geometry, Limits::default(), &mut rng()).unwrap();
    let mut world = World::over(dir, config, vault);
    world.write(vec![vec![1; 300]], vec![body(1, 500)]).unwrap();
    let mut writer = world.writer.take().unwrap();
    let reader = writer.vault.reader();
    // The time of a look has come, and the cell hangs in it.
    valve.shut();
    let now = Instant::now();
    for later in [Duration::ZERO, Duration::from_secs(600)] {
        writer.pacing.look_after_cells(&mut writer.vault, now + later);
    }
    let (inbox, mut letters) = inbox().unwrap();
    let (batches, thread) = crate::writer::start(writer, inbox).unwrap();
    for item in 2..6 {
        let (mut batch, tree) = world.batch(vec![vec![item as u8; 300]], vec![body(item, 500)]);
        world.tree = tree;
        if item == 3 {
            batch.erase = vec![EraseItem::Item(Place { conversation: 5, item: 1 })];
        }
        let number = batch.number;
        batches.send(Box::new(batch)).unwrap();
        let heard = heard_until(&mut letters, |input| *input == Input::Committed(number));
        assert!(!heard.iter().any(|input| matches!(input, Input::ErasureDone(..))), "no root was replaced");
        assert!(reader.read(vault::Place::item(5, item)).is_ok());
    }
    valve.open();
    let heard = heard_until(&mut letters, |input| matches!(input, Input::ErasureDone(..)));
    assert_eq!(heard.last(), Some(&Input::ErasureDone(1, 2)));
    assert!(matches!(reader.read(vault::Place::item(5, 1)), Err(vault::Error::Missing(_))));
    drop(batches);
    thread.join().unwrap();
}
