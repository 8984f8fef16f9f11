//! Starting the server.

use crate::routes;
use crate::settings::HttpSettings;
use crate::site::Site;
use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use doorward_services::Context;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

/// Everything that is served, for an actix-web `App` of one's own: a test, or a larger server.
///
/// ```ignore
/// let application = Application::new(HttpSettings::default(), context)?;
/// let app = App::new().configure(|config| application.configure(config));
/// ```
#[derive(Clone, Debug)]
pub struct Application(Arc<Site>);

impl Application {
    /// Prepares what all requests share.
    pub fn new(settings: HttpSettings, context: Context) -> io::Result<Self> {
        Ok(Self(Arc::new(Site::new(context, settings)?)))
    }

    /// Registers the routes.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        routes::configure(&self.0, config);
    }
}

/// Serves on `listener` until it is told to stop, by a signal or by the handle of the server. Requests in flight are
/// finished first.
pub fn run(listener: TcpListener, settings: HttpSettings, context: Context) -> io::Result<Server> {
    let application = Application::new(settings, context)?;
    let settings = application.0.settings.clone();
    let server = HttpServer::new(move || {
        let application = application.clone();
        App::new().configure(move |config| application.configure(config))
    });
    let server = if settings.workers == 0 { server } else { server.workers(settings.workers) };
    Ok(server
        .worker_max_blocking_threads(settings.blocking_threads.max(1))
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.request_timeout)
        .shutdown_timeout(settings.shutdown_timeout.as_secs().max(1))
        .listen(listener)?
        .run())
}
