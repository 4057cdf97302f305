//! Bugs that can be planted to see whether the tests find them: `make planted`. Without the feature `planted-bugs`, which no
//! release has, nothing is ever planted, and nothing of this is left in the program.

#[cfg(feature = "planted-bugs")]
use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! bugs {
    ($($bug:ident: $text:literal,)*) => {
        /// A bug that somebody could write, or has written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $(#[doc = $text] $bug,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Bug] = &[$(Bug::$bug,)*];

            /// What it does, in words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Bug::$bug => $text,)*
                }
            }
        }
    };
}

bugs! {
    SkipsTheCompare: "commits again without comparing ledgers (delta-rs#2580)",
    CommitsFromNewest: "commits from a newer snapshot than the ledger is of",
    RetriesBlindly: "repeats a commit whose response was lost",
    TakesErrorsForSuccess: "takes a failed commit for done",
    TakesFencedForDone: "takes another worker's commit for its own",
    AdvancesPastFailure: "goes on after a flush that failed",
    KeepsTally: "counts the last flush's records again",
    CommitsRowsOnly: "does not commit a table that has got no rows",
    BadDoNotAdvance: "does not advance over batches without a good record (kafka-delta-ingest)",
    StoresLastOffset: "stores the last offset where the next is meant",
    KeepsOldLedger: "refreshes the snapshot, but not the ledger",
    ForgetsOtherPartitions: "refreshes the ledger of new partitions only",
    HasOneTooMany: "takes the next offset for one that the table has",
    AbandonsNoFiles: "keeps staged rows after it has gone back",
    AbandonsNoTally: "keeps the counts after it has gone back",
    BuriesLast: "commits rows before their dead letters",
    BuriesTwice: "buries dead letters again on a replay (kafka-delta-ingest)",
    StagesTwice: "stages rows again that their table has",
    KeepsRowsOfRejected: "keeps the other rows of a rejected record",
    AcksFirst: "acknowledges before it commits",
    SkipsOneTooMany: "skips one record too many",
    ResumesAtLargest: "resumes at the largest ledger",
    AsksOneTable: "resumes at the ledger of the first table",
    TrustsOldLedger: "takes partitions over without reading the dead letters' ledger",
    KeepsStaged: "does not drop staged rows before it goes back",
    KeepsStagedLetters: "does not drop staged dead letters before it goes back",
    DoesNotGoBack: "drops what is staged and reads on (Kafka Connect S3#253)",
    CommitsWhatIsLost: "flushes partitions that it has lost",
    KeepsStagedOnLost: "keeps staged records of partitions that it has lost",
    ReleasesFirst: "releases partitions before it flushes them",
    StartsAtEnd: "starts new partitions at their end",
    SkipsLoss: "reads on where records are gone (kafka-delta-ingest)",
    AcceptsEveryLoss: "skips what is gone without being asked to",
    AdoptsInTheMiddle: "lets another transform take over without going back to the ledgers",
    KeepsCanarysWork: "goes on with what a canary had staged that was sent back",
    TakesInTwice: "takes in what has come twice since the last flush",
    ReordersBatches: "takes the batches of a partition in another order",
    ReusesAfterTrap: "goes on with an instance that has trapped, and believes it",
    ForgetsTheShift: "gives the rows of a split batch to other records",
}

#[cfg(feature = "planted-bugs")]
static PLANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub fn planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as usize
}

/// Whether this bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
pub const fn planted(_bug: Bug) -> bool {
    false
}

/// Plants one bug, or none, in the whole process.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(usize::MAX, |bug| bug as usize), Ordering::Relaxed);
}
