//! The crate `rmcp` as a client of an MCP server, told on its standard input what to do.
//!
//! `MCP_URL`: the MCP server. `CALLBACK`: its redirect URI. `CLIENT_ID` is its id where it is registered, `DOCUMENT` the URL of its metadata
//! document; else it registers itself. Each line of input is one of `call`, `back <address the browser came back to>`; each line of output is a
//! JSON object with what came of it.

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use std::error::Error;
use tokio::io::{AsyncBufReadExt as _, BufReader};

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Tool {
    url: String,
    state: Option<OAuthState>,
    client: Option<AuthClient<reqwest::Client>>,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Tool {
    /// Begins to sign in; the address for the browser.
    async fn ask(&mut self) -> Outcome<Value> {
        let mut request = AuthorizationRequest::new(variable("CALLBACK").ok_or("no CALLBACK")?)
            .with_client_name("Rust tool")
            .with_application_type("native");
        if let Some(id) = variable("CLIENT_ID") {
            request = request.with_preregistered_client(id);
        }
        if let Some(url) = variable("DOCUMENT") {
            request = request.with_client_metadata_url(url);
        }
        let mut state = OAuthState::new(self.url.as_str(), None).await?;
        state.start_authorization(request).await?;
        let address = state.get_authorization_url().await?;
        self.state = Some(state);
        Ok(json!({ "authorize": address }))
    }

    async fn back(&mut self, address: &str) -> Outcome<Value> {
        let mut state = self.state.take().ok_or("nobody was asked")?;
        state.handle_callback_url(address).await?;
        let manager = state.into_authorization_manager().ok_or("not authorized")?;
        self.client = Some(AuthClient::new(reqwest::Client::new(), manager));
        self.call().await
    }

    async fn call(&mut self) -> Outcome<Value> {
        let Some(client) = self.client.clone() else { return self.ask().await };
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        let service = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
        let answer = service.call_tool(CallToolRequestParams::new("whoami")).await?;
        service.cancel().await?;
        let answer = serde_json::to_value(answer)?;
        Ok(json!({ "text": answer.pointer("/content/0/text") }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut tool = Tool { url: variable("MCP_URL").ok_or("no MCP_URL")?, state: None, client: None };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let outcome = match line.split_once(' ') {
            None if line == "call" => tool.call().await,
            Some(("back", address)) => tool.back(address).await,
            _ => Err(format!("what is `{line}`?").into()),
        };
        println!("{}", outcome.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
    Ok(())
}
