//! The end of connections that would stay.

use std::sync::Arc;
use tokio::sync::watch;

/// Tells connections that stay open, such as those of provisioner daemons, that they are to end: a server that stops waits for
/// requests in flight, and these would never end by themselves.
#[derive(Clone, Debug)]
pub struct Closing(Arc<watch::Sender<bool>>);

impl Default for Closing {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Closing {
    /// Has all of them end, those too that are opened later.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until they are to end.
    pub(crate) async fn begun(&self) {
        let mut told = self.0.subscribe();
        // The sender is here, so there is an end to wait for.
        let _begun = told.wait_for(|is_closing| *is_closing).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[actix_web::test]
    async fn whoever_waits_is_told_and_whoever_comes_later_too() {
        let closing = Closing::default();
        let mut early = Box::pin(closing.begun());
        assert!(early.as_mut().now_or_never().is_none());
        closing.clone().begin();
        early.await;
        closing.begun().await;
    }
}
