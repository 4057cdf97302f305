//! The transform of a function, across its walks. While a walk runs, a task follows the transform's channel; between walks
//! nothing does. A process that is frozen between invocations cannot rely on timers, so each invocation nudges the task to
//! check the channel.

use std::sync::Arc;

use sluicebox_pipeline::Changes;
use sluicebox_registry::{Following, Opened};
use sluicebox_sandbox::{Sandbox, Transform};
use sluicebox_settings::Settings;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

/// The transform of a function.
pub(crate) struct Judging {
    transform: watch::Receiver<Transform>,
    nudge: Arc<Notify>,
    /// None while a task follows the channel for a walk, and for a transform that never changes.
    waiting: Mutex<Option<Following>>,
}

/// The task that follows the channel for one walk.
pub(crate) struct Follower(Option<JoinHandle<Following>>);

impl Judging {
    pub(crate) fn new(Opened { transform, followed }: Opened, settings: &Settings, sandbox: &Sandbox) -> Self {
        let following = followed
            .map(|followed| Following::new(followed, settings.clone(), sandbox.clone(), None, transform.clone()));
        let (transform, nudge) = match &following {
            Some(following) => (following.judging(), following.nudge()),
            None => (watch::channel(transform).1, Arc::default()),
        };
        Self { transform, nudge, waiting: Mutex::new(following) }
    }

    /// Call at a new invocation: time may have passed.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// The transform that a walk starts with, and the channel of changes for it. Of two concurrent walks, only the first gets
    /// changes.
    pub(crate) async fn begin(&self) -> (Transform, Changes, Follower) {
        let (proposals, changes) = Changes::channel();
        let following = self.waiting.lock().await.take();
        let follower = following.map(|following| tokio::spawn(following.follow(proposals)));
        (self.transform.borrow().clone(), changes, Follower(follower))
    }

    /// Call when the walk has ended.
    pub(crate) async fn end(&self, Follower(follower): Follower) {
        let Some(follower) = follower else { return };
        match follower.await {
            Ok(following) => *self.waiting.lock().await = Some(following),
            Err(error) => {
                tracing::error!(%error, "channel no longer followed: its task ended; promotions are not seen")
            }
        }
    }
}
