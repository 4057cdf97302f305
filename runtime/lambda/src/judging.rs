//! The transform that judges, over the lives of many walks: while one walks, its channel is followed; in between, it waits.
//! A process that is frozen between invocations cannot trust its timers, so each invocation is a nudge to look.

use std::sync::Arc;

use sluicebox_pipeline::Changes;
use sluicebox_settings::Settings;
use sluicebox_registry::{Following, Opened};
use sluicebox_sandbox::{Sandbox, Transform};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

/// The transform of a function.
pub(crate) struct Judging {
    transform: watch::Receiver<Transform>,
    nudge: Arc<Notify>,
    /// Not while a walk is told of changes; none for a transform that never changes.
    waiting: Mutex<Option<Following>>,
}

/// Follows the channel until the walk is over that is told.
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

    /// A new invocation: time may have passed.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// What a walk begins with, and where it hears of changes. Of two walks at a time, one hears of them.
    pub(crate) async fn begin(&self) -> (Transform, Changes, Follower) {
        let (proposals, changes) = Changes::channel();
        let following = self.waiting.lock().await.take();
        let follower = following.map(|following| tokio::spawn(following.follow(proposals)));
        (self.transform.borrow().clone(), changes, Follower(follower))
    }

    /// The walk is over.
    pub(crate) async fn end(&self, Follower(follower): Follower) {
        let Some(follower) = follower else { return };
        match follower.await {
            Ok(following) => *self.waiting.lock().await = Some(following),
            Err(error) => tracing::error!("the channel is not followed any longer: {error}"),
        }
    }
}
