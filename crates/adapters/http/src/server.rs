//! Starting the server.

use crate::kit::closing::Closing;
use crate::kit::settings::HttpSettings;
use crate::kit::site::Site;
use crate::routes;
use crate::status;
use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use doorward_services::Context;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// How long an idle connection is kept: longer than proxies keep theirs, which then end it first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that is served, for an actix-web `App` of one's own: a test, or a larger server.
///
/// ```ignore
/// let application = Application::new(settings, context)?;
/// let app = App::new().configure(|config| application.configure(config));
/// ```
#[derive(Clone, Debug)]
pub struct Application(Arc<Site>);

impl Application {
    /// Prepares what all requests share.
    pub fn new(settings: HttpSettings, context: Context) -> io::Result<Self> {
        Ok(Self(Arc::new(Site::new(context, settings, routes::openapi_json)?)))
    }

    /// Registers the routes.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        routes::configure(&self.0, config);
    }
}

/// The servers of one site. Each ends when its handle says so; signals are the caller's to handle.
#[expect(missing_debug_implementations, reason = "servers have none")]
pub struct Servers {
    /// Pages and API.
    pub site: Server,
    /// Metrics, if they have an address.
    pub metrics: Option<Server>,
    /// Ends connections that stay open. To be told before the site is stopped, which waits for them.
    pub closing: Closing,
}

/// Serves the site on `listener`, and its metrics on an address of their own, at `/metrics`. Nothing is counted when somebody
/// looks at them, and no client of the site can.
pub fn run(
    listener: TcpListener,
    metrics: Option<TcpListener>,
    settings: HttpSettings,
    context: Context,
) -> io::Result<Servers> {
    let application = Application::new(settings, context)?;
    let settings = application.0.settings.clone();
    let (site, closing) = (Arc::clone(&application.0), application.0.closing.clone());
    let metrics = metrics.map(|listener| serve_metrics(listener, site)).transpose()?;
    let server = HttpServer::new(move || {
        let application = application.clone();
        App::new().configure(move |config| application.configure(config))
    });
    let workers = settings.server.workers;
    let server = if workers == 0 { server } else { server.workers(workers) };
    let site = server
        .worker_max_blocking_threads(settings.blocking_threads.max(1))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_TIMEOUT)
        // What is said by WebSockets comes in small pieces, of which each would wait for the other side to acknowledge the one before.
        .tcp_nodelay(true)
        .shutdown_timeout(settings.server.shutdown_timeout.std().as_secs().max(1))
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(Servers { site, metrics, closing })
}

fn serve_metrics(listener: TcpListener, site: Arc<Site>) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        let site = Arc::clone(&site);
        let metrics = move || std::future::ready(status::metrics(&site));
        App::new().route("/metrics", web::get().to(metrics))
    });
    Ok(server.workers(1).shutdown_timeout(1).disable_signals().listen(listener)?.run())
}
