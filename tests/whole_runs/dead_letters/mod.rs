//! Dead letters, their whole life. Needs the guests only.

mod killed;
mod scene;
