//! Breadth first over every state, so that what it finds is the shortest way there.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

use super::{
    Invariant, Rules,
    world::{Event, World},
};

/// What a search came to.
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) broken: Option<Broken>,
}

/// How an invariant breaks: the shortest story.
pub(crate) struct Broken {
    pub(crate) invariant: Invariant,
    story: Vec<Event>,
    end: World,
}

/// Visits every state that can be reached from `start`, or stops at the first that breaks the invariant that is sought, or any.
pub(crate) fn explore(start: &World, rules: Rules, sought: Option<Invariant>) -> Found {
    let is_sought = |invariant: &Invariant| sought.is_none_or(|sought| sought == *invariant);
    let mut from: HashMap<World, Option<(u32, Event)>, BuildHasherDefault<Quick>> =
        HashMap::default();
    let mut order = vec![*start];
    let mut queue = VecDeque::from([0_u32]);
    from.insert(*start, None);
    while let Some(number) = queue.pop_front() {
        let world = order[number as usize];
        let stuck = is_sought(&Invariant::NobodyStuck) && !world.is_settled_by_one_more_run(rules);
        let story = |last: Option<Event>, end: World, invariant| {
            let mut story: Vec<Event> = last.into_iter().collect();
            let mut at = world;
            while let Some((before, event)) = from[&at] {
                story.push(event);
                at = order[before as usize];
            }
            story.reverse();
            Some(Broken { invariant, story, end })
        };
        if stuck {
            let broken = story(None, world, Invariant::NobodyStuck);
            return Found { states: order.len(), broken };
        }
        let mut fresh = Vec::new();
        for event in world.events(rules) {
            let (next, broken) = world.after(event, rules);
            if let Some(invariant) = broken.into_iter().find(is_sought) {
                return Found { states: order.len(), broken: story(Some(event), next, invariant) };
            }
            fresh.push((next, event));
        }
        for (next, event) in fresh {
            if let std::collections::hash_map::Entry::Vacant(place) = from.entry(next) {
                place.insert(Some((number, event)));
                queue.push_back(u32::try_from(order.len()).expect("it ends before"));
                order.push(next);
            }
        }
    }
    Found { states: order.len(), broken: None }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} breaks:", self.invariant)?;
        for event in &self.story {
            writeln!(f, "  {event:?}")?;
        }
        write!(f, "in {:?}", self.end)
    }
}

/// A hash for states: the standard one guards against strangers, and there are none here.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
