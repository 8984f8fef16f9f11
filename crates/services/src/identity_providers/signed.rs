//! Tokens that a provider signed (RFC 7515).

use crate::Principal;
use crate::audit::{Audited, Diff, Snapshot};
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::identity_providers::{Claims, Compact, Discovery, HeaderDefect, KeySet, Provider, TokenHeader};
use doorward_domain::user_links::UserLink;

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 256 * 1024;

/// A token whose signature is that of the provider.
pub(super) struct Signed {
    pub(super) header: TokenHeader,
    pub(super) claims: Claims,
}

/// Verifies a token. For a key that is not known, the keys of the provider are fetched anew, once.
pub(super) async fn verify(
    ctx: &Context,
    provider: &Provider,
    discovery: &Discovery,
    token: &Secret<String>,
    check: fn(&TokenHeader) -> Result<(), HeaderDefect>,
) -> Result<Signed, Error> {
    let refuse = |defect: &dyn std::fmt::Display| {
        tracing::warn!(provider = %provider.name, %defect, "a token of the provider is refused");
        Error::invalid("The identity provider sent a token that is not accepted here.")
    };
    if token.expose().len() > TOKEN_MAX {
        return Err(refuse(&"it is too long"));
    }
    let compact = Compact::parse(token.expose()).map_err(|defect| refuse(&defect))?;
    let header = TokenHeader::parse(&compact.header, &provider.algs).map_err(|defect| refuse(&defect))?;
    check(&header).map_err(|defect| refuse(&defect))?;
    let claims = Claims::parse(&compact.payload).map_err(|defect| refuse(&defect))?;
    let now = ctx.clock.now();
    let keys = ctx.upstreams.keys(provider, discovery, false, now).await?;
    note_exposed(ctx, provider, &keys).await?;
    let is_signed = |keys: &KeySet| {
        keys.candidates(&header, &claims).into_iter().any(|key| compact.is_signed_by(&key.material, header.algorithm))
    };
    if !is_signed(&keys) {
        let newer = ctx.upstreams.keys(provider, discovery, true, now).await?;
        note_exposed(ctx, provider, &newer).await?;
        if !is_signed(&newer) {
            return Err(refuse(&"no key of the provider has signed it"));
        }
    }
    Ok(Signed { header, claims })
}

/// A provider that has published private keys.
#[derive(Clone)]
struct Exposing {
    name: String,
    issuer: String,
    keys: usize,
}

impl Audited for Exposing {
    fn kind(&self) -> AuditResource {
        AuditResource::IdentityProvider
    }

    fn id(&self) -> String {
        UserLink::id_of(&self.issuer, "").to_string()
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default().field("private_keys", self.keys)
    }
}

/// Records that a provider has published private keys: once, until it is another number of them.
async fn note_exposed(ctx: &Context, provider: &Provider, keys: &KeySet) -> Result<(), Error> {
    if !ctx.upstreams.exposes(&provider.name, keys.exposed) || keys.exposed == 0 {
        return Ok(());
    }
    let exposing = Exposing { name: provider.name.clone(), issuer: provider.issuer.clone(), keys: keys.exposed };
    let noted = ctx.act(&Principal::system("keys of a provider were fetched"), move |deed| {
        let diff = Diff::created(&exposing);
        Ok::<_, Error>(deed.entry().noted(AuditAction::PrivateKeyExposure, 400, &exposing, diff)?.answer(()))
    });
    // It is tried again at the next sign-in.
    noted.await.inspect_err(|_| _ = ctx.upstreams.exposes(&provider.name, 0))
}
