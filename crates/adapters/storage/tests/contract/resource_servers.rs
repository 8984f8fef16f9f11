use crate::support::*;
use doorward_domain::ids::{AppId, ResourceServerId};
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{Resource, ResourceRules, ResourceServer, ResourceServers, TokenFormat};
use time::Duration;

pub(crate) fn resource_server(identifier: &str) -> ResourceServer {
    ResourceServer {
        id: id(),
        identifier: Resource::parse(identifier).unwrap(),
        rules: ResourceRules {
            name: "Files".to_owned(),
            token_format: TokenFormat::Jwt,
            jwt_alg: SignatureAlgorithm::EdDsa,
            access_token_lifetime: Some(300),
            claims: vec!["groups".to_owned()],
            scopes: [("files:read".to_owned(), "Read your files".to_owned())].into(),
            default_scopes: vec!["files:read".to_owned()],
            introspectors: vec![AppId(uuid::Uuid::from_u128(9))],
            min_acr: "mfa".to_owned(),
            dpop: doorward_domain::oauth2::DpopRule::Required,
            said_since: [("files:read".to_owned(), 1_700_000_000_000_000)].into(),
        },
        created_at: NOW,
        updated_at: NOW,
    }
}

contract! {
    async fn a_resource_is_found_however_it_is_written_and_is_there_once(db) {
        db.write(|repos| {
            let files = resource_server("https://files.example/mcp");
            let again = resource_server("HTTPS://Files.example:443/mcp/");
            let other = resource_server("https://a.example");
            let servers = repos.resource_servers();
            assert!(servers.insert(&permit(), &files)? && servers.insert(&permit(), &other)?);
            assert!(!servers.insert(&permit(), &again)?);
            let all = servers.list()?;
            assert_eq!(all, [other.clone(), files.clone()]);
            let all: ResourceServers = all.into_iter().collect();
            assert_eq!(all.find(&again.identifier).map(|found| found.id), Some(files.id));
            assert!(all.find(&Resource::parse("https://files.example").unwrap()).is_none());
            let app = files.rules.introspectors[0];
            assert!(all.lets_introspect(app, &again.identifier) && !all.lets_introspect(AppId::NIL, &again.identifier));
            let changed = ResourceServer {
                rules: ResourceRules::default(),
                updated_at: NOW + Duration::SECOND,
                ..files.clone()
            };
            assert!(servers.update(&permit(), &changed)?);
            assert_eq!(servers.find(files.id)?, Some(changed));
            assert!(servers.delete(&permit(), files.id)? && !servers.delete(&permit(), files.id)?);
            assert_eq!((servers.find(files.id)?, servers.find(ResourceServerId::NIL)?), (None, None));
            assert!(!servers.update(&permit(), &files)?);
            Ok(())
        })
        .await;
    }
}
