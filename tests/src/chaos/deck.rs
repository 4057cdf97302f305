//! What may happen, as a deck of cards: shuffled, so that anything may follow anything, and dealt to the last card, so that
//! each kind has its share.

use std::fmt;

use anyhow::{Context, Result};

/// One misfortune, from its beginning until work goes on in every partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Episode {
    /// So many processes are killed with SIGKILL at the same moment, and started again.
    Kill(usize),
    /// So many processes sleep until their session is over and others have their partitions; then they wake.
    Zombie(usize),
    /// A further process joins the group and leaves it.
    Flap,
    /// Every third exchange with the store fails in some way.
    StoreStorm,
    /// The store is out of reach for longer than a member may go without polling.
    StoreOutage,
    /// So many brokers are killed at the same moment, and come back with their data.
    Brokers(usize),
}

impl fmt::Display for Episode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(1) => write!(formatter, "a process killed"),
            Self::Kill(count) => write!(formatter, "{count} processes killed"),
            Self::Zombie(1) => write!(formatter, "a zombie"),
            Self::Zombie(count) => write!(formatter, "{count} zombies"),
            Self::Flap => write!(formatter, "a member joined and left"),
            Self::StoreStorm => write!(formatter, "storm on the line to S3"),
            Self::StoreOutage => write!(formatter, "S3 out of reach"),
            Self::Brokers(1) => write!(formatter, "a broker killed"),
            Self::Brokers(count) => write!(formatter, "{count} brokers killed"),
        }
    }
}

/// Deals episodes without end.
pub(super) struct Deck {
    cards: Vec<Episode>,
    dealt: usize,
    random: fastrand::Rng,
}

impl Deck {
    pub(super) fn new(cards: Vec<Episode>, seed: u64) -> Self {
        Self { dealt: cards.len(), cards, random: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn draw(&mut self) -> Result<Episode> {
        if self.dealt >= self.cards.len() {
            self.random.shuffle(&mut self.cards);
            self.dealt = 0;
        }
        let card = self.cards.get(self.dealt).copied().context("a deck without cards")?;
        self.dealt += 1;
        Ok(card)
    }
}
