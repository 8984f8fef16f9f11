//! Wake-ups about jobs, to all servers. Each may be lost: whoever waits for one also looks by itself now and then.

use doorward_domain::ids::{OrganizationId, ProvisionerJobId};
use doorward_ports::Bus;
use doorward_ports::bus::Event;

/// The topic of the bus on which it is told that an organization has a new job; the payload is the id of the organization.
pub const POSTED_TOPIC: &str = "provisioner_job_posted";
/// The topic on which it is told that a job has new lines in its log, or is over; the payload is the id of the job.
pub const LOGS_TOPIC: &str = "provisioner_job_logs";

/// Tells daemons that wait that there may be something for them.
pub(crate) fn told_of_post(bus: &Bus, organization: OrganizationId) {
    tell(bus, POSTED_TOPIC, &organization.to_string());
}

/// Tells those who follow a job that there is more to see.
pub(crate) fn told_of_logs(bus: &Bus, job: ProvisionerJobId) {
    tell(bus, LOGS_TOPIC, &job.to_string());
}

fn tell(bus: &Bus, topic: &str, payload: &str) {
    match Event::new(topic, payload) {
        Ok(event) => bus.publish(event),
        Err(error) => tracing::debug!(%error, topic, "nobody is woken up; it is found at the next look"),
    }
}
