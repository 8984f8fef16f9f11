//! Sessions that end: whoever tells apps of it is woken, see [`backchannel`](crate::openid::backchannel).

use doorward_ports::Bus;
use doorward_ports::bus::Event;

/// The topic of the bus on which servers are told that a session has ended.
pub(crate) const WAKES_ON: &str = "logouts";

/// Has the server that tells apps look at once.
pub(crate) fn wake(bus: &Bus) {
    match Event::new(WAKES_ON, "") {
        Ok(event) => bus.publish(event),
        Err(error) => tracing::debug!(%error, "nobody is woken up; what is to be told is found at the next look"),
    }
}
