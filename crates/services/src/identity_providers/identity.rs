//! Who somebody is, as their provider says: tokens believed by the rules of the domain, and what else is fetched about them.

use super::exchange::Tokens;
use super::flow::Flow;
use super::graph;
use super::signed::{self, Signed};
use super::upstream::{NOT_ACCEPTED, chosen, told, unusable};
use super::ways::GITHUB;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{
    Acr, AddressDefect, Claims, ClaimsSource, Discovery, Expected, GROUPS_MAX, GroupClaim, GroupsMissing, IdToken,
    KeptBecause, MaxAge, Profile, ProfileDefect, Provider, SessionFacts, TokenHeader, access_token_hash,
    check_id_token, check_userinfo, merge, parse_list, read_github, read_groups, read_profile, session_facts,
};
use doorward_domain::idp_sync::SyncClaims;
use doorward_domain::users::LoginType;
use doorward_ports::fetch::{Answer, ContentType, Request};
use serde_json::{Map, Value};
use std::fmt::Display;

/// The longest answer about a person, in bytes.
const ANSWER_MAX: usize = 2 * 1024 * 1024;
/// What GitHub calls the real name.
pub(super) const NAME: &str = "name";
/// The version of GitHub's API that is asked.
const GITHUB_VERSION: &str = "2022-11-28";

/// Somebody whom a provider vouches for.
#[derive(Clone)]
pub(super) struct Identified {
    pub(super) login_type: LoginType,
    /// The name of the provider in the settings.
    pub(super) provider: String,
    /// The issuer as links of this provider have it, and how it was written before.
    pub(super) issuers: Vec<String>,
    pub(super) subject: String,
    pub(super) profile: Profile,
    /// What is stored of the claims; groups are names there, whatever form the provider gave them.
    pub(super) claims: Map<String, Value>,
    /// What is to be known of the claims besides.
    pub(super) gaps: Gaps,
    pub(super) facts: SessionFacts,
    /// The ID token, if the provider is to be told when the session ends.
    pub(super) id_token: Option<Secret<String>>,
}

/// What a provider did not say.
#[derive(Clone, Default)]
pub(super) struct Gaps {
    /// The claim of groups, if nothing is known of it now, which must not mean that there are none.
    unknown: Option<String>,
    /// The claim of groups, and how many entries of it are left out.
    more: Option<(String, usize)>,
    /// Whether a claim that is not there means nothing.
    keeps_absent: bool,
}

impl Identified {
    /// The issuer under which a new link is stored.
    pub(super) fn issuer(&self) -> &str {
        self.issuers.first().map_or("", String::as_str)
    }

    /// The claims that organizations, groups and roles follow.
    pub(super) fn sync_claims(&self) -> SyncClaims {
        let mut claims = SyncClaims::new(self.claims.clone());
        if let Some(name) = &self.gaps.unknown {
            claims = claims.without(name);
        }
        if let Some((name, entries)) = &self.gaps.more {
            claims = claims.with_more(name, *entries);
        }
        if self.gaps.keeps_absent { claims.keeping_absent() } else { claims }
    }
}

/// Why an account may not come in, whatever it came for.
pub(super) fn kept_out(why: &dyn Display) -> String {
    format!("That account cannot sign in here: {why}.")
}

/// What is refused, for the log and, without what the provider said, for the visitor.
fn refused(provider: &str, defect: &dyn Display) -> Error {
    tracing::warn!(provider, %defect, "what the identity provider says is refused");
    Error::invalid_because(NOT_ACCEPTED, format!("{defect}."))
}

/// Who a provider of OpenID Connect says that this is.
pub(super) async fn of_oidc(
    ctx: &Context,
    provider: &Provider,
    discovery: &Discovery,
    tokens: &Tokens,
    (flow, max_age): (&Flow<'_>, Option<MaxAge>),
) -> Result<Identified, Error> {
    let refuse = |defect: &dyn Display| refused(&provider.name, defect);
    let Some(token) = &tokens.id_token else { return Err(refuse(&"there is no ID token")) };
    let Signed { header, claims } =
        signed::verify(ctx, provider, discovery, token, TokenHeader::check_id_token).await?;
    let now = ctx.clock.now();
    let nonce = flow.nonce();
    let expected = Expected {
        now,
        skew: ctx.settings.oidc.clock_skew.get(),
        nonce: nonce.expose(),
        access_token_hash: Some(&access_token_hash(header.algorithm, tokens.access_token.expose())),
        max_age,
        essential_acr: &[],
    };
    let id_token = check_id_token(&claims, provider, &expected).map_err(|defect| refuse(&defect))?;
    let other = other_claims(ctx, provider, discovery, tokens).await?;
    let merged = merge(&claims, other.as_ref(), provider).map_err(|defect| refuse(&defect))?;
    let profile = read_profile(&merged, provider).map_err(|defect| {
        if matches!(defect, ProfileDefect::Address(AddressDefect::NotVerified | AddressDefect::Domain)) {
            Error::Refused(kept_out(&defect))
        } else {
            refuse(&defect)
        }
    })?;
    let facts = session_facts(&claims, &id_token, provider, now);
    let groups = groups(ctx, provider, &merged.claims, &tokens.access_token).await;
    let IdToken { issuer, subject, .. } = id_token;
    let mut claims = merged.claims.into_members();
    let mut gaps = Gaps { keeps_absent: provider.groups_missing() == GroupsMissing::Keep, ..Gaps::default() };
    let field = || provider.groups_claim.clone();
    match groups {
        GroupClaim::These { names, skipped } => {
            if skipped > 0 {
                tracing::warn!(provider = %provider.name, skipped, "groups of a claim are left out");
                // Nobody is taken out of groups that are not among the first of too many.
                gaps.more = (names.len() >= GROUPS_MAX).then(|| (field(), skipped));
            }
            claims.insert(field(), names.into());
        }
        GroupClaim::Keep(KeptBecause::Off) => {}
        GroupClaim::Keep(because) => {
            tracing::info!(provider = %provider.name, ?because, "groups stay as they are");
            gaps.unknown = Some(field());
        }
        GroupClaim::Elsewhere => gaps.unknown = Some(field()),
    }
    Ok(Identified {
        login_type: LoginType::Oidc,
        provider: provider.name.clone(),
        issuers: provider.issuers_of_links(&issuer),
        subject,
        profile,
        claims,
        gaps,
        facts,
        id_token: provider.upstream_logout.then(|| token.clone()),
    })
}

/// Claims besides those of the ID token.
async fn other_claims(
    ctx: &Context,
    provider: &Provider,
    discovery: &Discovery,
    tokens: &Tokens,
) -> Result<Option<Claims>, Error> {
    match (provider.claims_source, &discovery.userinfo_endpoint) {
        (ClaimsSource::None, _) | (ClaimsSource::Merged, None) => Ok(None),
        (ClaimsSource::AccessToken, _) => {
            let any = |_: &TokenHeader| Ok(());
            let signed = signed::verify(ctx, provider, discovery, &tokens.access_token, any).await?;
            Ok(Some(signed.claims))
        }
        (ClaimsSource::Merged, Some(url)) => {
            let request = Request::get(url, ANSWER_MAX).bearer(&tokens.access_token);
            let types = ContentType::OneOf(&["application/json", "application/jwt"]);
            let answer = ctx.upstreams.fetch(chosen(request.expecting(types), Some(provider))).await;
            let answer = answer.map_err(|failure| told(&provider.name, "the userinfo endpoint", &failure))?;
            userinfo(ctx, provider, discovery, &answer).await.map(Some)
        }
    }
}

/// The claims of an answer of the userinfo endpoint (OpenID Connect Core 1.0, 5.3.2).
async fn userinfo(ctx: &Context, provider: &Provider, discovery: &Discovery, answer: &Answer) -> Result<Claims, Error> {
    let is_signed = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/jwt"));
    if !is_signed {
        return Claims::parse(answer.body.expose()).map_err(|defect| refused(&provider.name, &defect));
    }
    let token = String::from_utf8(answer.body.expose().clone()).map_err(|_no_text| unusable())?;
    let token = Secret::new(token.trim().to_owned());
    let any = |_: &TokenHeader| Ok(());
    let claims = signed::verify(ctx, provider, discovery, &token, any).await?.claims;
    check_userinfo(&claims, provider, ctx.clock.now(), ctx.settings.oidc.clock_skew.get())
        .map_err(|defect| refused(&provider.name, &defect))?;
    Ok(claims)
}

/// The claim of groups. Those that a token of Entra has no room for are asked for at Microsoft Graph; when it does not answer,
/// memberships stay as they are.
async fn groups(ctx: &Context, provider: &Provider, claims: &Claims, access_token: &Secret<String>) -> GroupClaim {
    let groups = read_groups(claims, provider);
    if groups != GroupClaim::Elsewhere {
        return groups;
    }
    match graph::group_ids(ctx, access_token).await {
        Ok((names, skipped)) => GroupClaim::These { names, skipped },
        Err(why) => {
            tracing::warn!(provider = %provider.name, %why, "groups cannot be fetched, and stay as they are");
            groups
        }
    }
}

/// Who GitHub says that this is.
pub(super) async fn of_github(ctx: &Context, tokens: &Tokens) -> Result<Identified, Error> {
    let settings = &ctx.settings.github;
    let refuse = |defect: &dyn Display| refused(GITHUB, defect);
    let user = asked(ctx, tokens, "/user").await?;
    let user = Claims::parse(user.body.expose()).map_err(|defect| refuse(&defect))?;
    let emails = list(ctx, tokens, "/user/emails").await?;
    let rules = settings.rules();
    if rules.asks_memberships() {
        let memberships = list(ctx, tokens, "/user/memberships/orgs?state=active&per_page=100").await?;
        let teams = if rules.allowed_teams.is_empty() {
            Vec::new()
        } else {
            list(ctx, tokens, "/user/teams?per_page=100").await?
        };
        rules.check(&memberships, &teams).map_err(|defect| Error::Refused(kept_out(&defect)))?;
    }
    let found = read_github(&user, &emails).map_err(|defect| refuse(&defect))?;
    let now = ctx.clock.now();
    Ok(Identified {
        login_type: LoginType::Github,
        provider: GITHUB.to_owned(),
        issuers: vec![settings.base_url.trim_end_matches('/').to_owned()],
        subject: found.subject,
        // The rest is nothing that anything follows.
        claims: user.get(NAME).map(|name| (NAME.to_owned(), name.clone())).into_iter().collect(),
        profile: found.profile,
        gaps: Gaps::default(),
        facts: SessionFacts {
            authenticated_at: now,
            methods: vec!["fed".to_owned()],
            acr: Acr::Pwd,
            upstream_session_id: None,
        },
        id_token: None,
    })
}

async fn list(ctx: &Context, tokens: &Tokens, path: &str) -> Result<Vec<Claims>, Error> {
    let answer = asked(ctx, tokens, path).await?;
    parse_list(answer.body.expose()).map_err(|defect| refused(GITHUB, &defect))
}

async fn asked(ctx: &Context, tokens: &Tokens, path: &str) -> Result<Answer, Error> {
    let url = format!("{}{path}", ctx.settings.github.api_url.trim_end_matches('/'));
    let request = Request::get(&url, ANSWER_MAX)
        .bearer(&tokens.access_token)
        .header("x-github-api-version", Secret::from(GITHUB_VERSION))
        .expecting(ContentType::Json)
        .chosen_by_operator();
    ctx.upstreams.fetch(request).await.map_err(|failure| told(GITHUB, "the API", &failure))
}
