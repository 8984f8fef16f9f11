import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.AccessTokenResponse;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.GrantType;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientAuthenticationMethod;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.client.ClientRegistrationResponse;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.RefreshToken;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.AuthenticationResponse;
import com.nimbusds.openid.connect.sdk.AuthenticationResponseParser;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.Prompt;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.claims.IDTokenClaimsSet;
import com.nimbusds.openid.connect.sdk.claims.UserInfo;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.rp.OIDCClientInformationResponse;
import com.nimbusds.openid.connect.sdk.rp.OIDCClientMetadata;
import com.nimbusds.openid.connect.sdk.rp.OIDCClientRegistrationRequest;
import com.nimbusds.openid.connect.sdk.rp.OIDCClientRegistrationResponseParser;
import com.nimbusds.openid.connect.sdk.validators.AccessTokenValidator;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.net.URI;
import java.util.Date;
import java.util.Set;

/** The SDK of Connect2id as a client: the code flow with all its checks, in the name of whoever has the session. */
public final class OpenId {
  private static final URI CALLBACK = URI.create("https://client.example/callback");
  private static int checks;

  private final OIDCProviderMetadata server;
  private final String session;
  private final ClientID id;
  private final ClientAuthentication authentication;

  private OpenId(OIDCProviderMetadata server, String session, ClientID id, ClientAuthentication authentication) {
    this.server = server;
    this.session = session;
    this.id = id;
    this.authentication = authentication;
  }

  /** Arguments: issuer, id and secret of an app, id and session token of a user. */
  public static void main(String[] arguments) throws Exception {
    Issuer issuer = new Issuer(arguments[0]);
    OIDCProviderMetadata server = OIDCProviderMetadata.resolve(issuer);
    check(server.getIssuer().equals(issuer), "the issuer");
    check(server.getCodeChallengeMethods().contains(CodeChallengeMethod.S256), "PKCE");
    ClientID id = new ClientID(arguments[1]);
    Secret secret = new Secret(arguments[2]);
    new OpenId(server, arguments[4], id, new ClientSecretBasic(id, secret)).use(arguments[3]);
    new OpenId(server, arguments[4], id, new ClientSecretPost(id, secret)).use(arguments[3]);

    OIDCClientMetadata metadata = new OIDCClientMetadata();
    metadata.setRedirectionURI(CALLBACK);
    metadata.setName("In Java");
    metadata.setTokenEndpointAuthMethod(ClientAuthenticationMethod.NONE);
    // The SDK's default is the code alone, and who does not ask for refresh tokens gets none.
    metadata.setGrantTypes(Set.of(GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN));
    metadata.applyDefaults();
    HTTPResponse answer = new OIDCClientRegistrationRequest(server.getRegistrationEndpointURI(), metadata, null).toHTTPRequest().send();
    ClientRegistrationResponse registered = OIDCClientRegistrationResponseParser.parse(answer);
    check(registered.indicatesSuccess(), "registration: " + answer.getBody());
    ClientID own = ((OIDCClientInformationResponse) registered).getOIDCClientInformation().getID();
    new OpenId(server, arguments[4], own, null).use(arguments[3]);
    System.out.println(checks + " checks passed");
  }

  private void use(String user) throws Exception {
    Nonce nonce = new Nonce();
    OIDCTokenResponse tokens = signIn(nonce);
    IDTokenClaimsSet told = check(tokens, nonce);
    check(told.getSubject().getValue().equals(user), "the subject");
    check(told.getAuthenticationTime().before(new Date()), "when they signed in");
    AccessToken access = tokens.getOIDCTokens().getAccessToken();

    HTTPResponse answer = new UserInfoRequest(server.getUserInfoEndpointURI(), access).toHTTPRequest().send();
    UserInfoResponse answered = UserInfoResponse.parse(answer);
    check(answered.indicatesSuccess(), "userinfo");
    UserInfo info = answered.toSuccessResponse().getUserInfo();
    check(info.getSubject().equals(told.getSubject()) && info.getEmailAddress() != null && !info.getEmailVerified(), "who they are");

    RefreshToken old = tokens.getOIDCTokens().getRefreshToken();
    OIDCTokenResponse again = tokens(new RefreshTokenGrant(old));
    IDTokenClaimsSet later = check(again, null);
    check(later.getSubject().equals(told.getSubject()) && later.getAuthenticationTime().equals(told.getAuthenticationTime()), "a refresh");
    access = again.getOIDCTokens().getAccessToken();

    if (authentication != null) {
      check(introspect(access), "the token is good");
    }
    TokenRevocationRequest gone = authentication == null
      ? new TokenRevocationRequest(server.getRevocationEndpointURI(), id, access)
      : new TokenRevocationRequest(server.getRevocationEndpointURI(), authentication, access);
    check(gone.toHTTPRequest().send().getStatusCode() == 200, "revocation");
    if (authentication != null) {
      check(!introspect(access), "the token is good no more");
    }
    ErrorObject refused = UserInfoResponse.parse(new UserInfoRequest(server.getUserInfoEndpointURI(), access).toHTTPRequest().send())
      .toErrorResponse().getErrorObject();
    check("invalid_token".equals(refused.getCode()), "userinfo after that: " + refused.getCode());
    refused = refusal(new RefreshTokenGrant(again.getOIDCTokens().getRefreshToken()));
    check("invalid_grant".equals(refused.getCode()), "refresh after that: " + refused.getCode());
  }

  private OIDCTokenResponse signIn(Nonce nonce) throws Exception {
    State state = new State();
    CodeVerifier verifier = new CodeVerifier();
    AuthenticationRequest request =
      new AuthenticationRequest.Builder(new ResponseType("code"), new Scope("openid", "email", "offline_access"), id, CALLBACK)
        .endpointURI(server.getAuthorizationEndpointURI()).state(state).nonce(nonce).prompt(new Prompt("consent"))
        .codeChallenge(verifier, CodeChallengeMethod.S256).build();
    HTTPRequest allow = new HTTPRequest(HTTPRequest.Method.POST, request.toURI());
    allow.setHeader("Coder-Session-Token", session);
    allow.setFollowRedirects(false);
    AuthenticationResponse answer = AuthenticationResponseParser.parse(allow.send().getLocation());
    check(answer.indicatesSuccess() && answer.getState().equals(state), "the answer");
    check(answer.getIssuer().equals(server.getIssuer()), "who has answered");
    return tokens(new AuthorizationCodeGrant(answer.toSuccessResponse().getAuthorizationCode(), CALLBACK, verifier));
  }

  private HTTPResponse ask(AuthorizationGrant grant) throws Exception {
    TokenRequest request = authentication == null
      ? new TokenRequest.Builder(server.getTokenEndpointURI(), id, grant).build()
      : new TokenRequest.Builder(server.getTokenEndpointURI(), authentication, grant).build();
    return request.toHTTPRequest().send();
  }

  private OIDCTokenResponse tokens(AuthorizationGrant grant) throws Exception {
    HTTPResponse answer = ask(grant);
    TokenResponse parsed = OIDCTokenResponseParser.parse(answer);
    check(parsed.indicatesSuccess(), "tokens: " + answer.getBody());
    return (OIDCTokenResponse) (AccessTokenResponse) parsed;
  }

  private ErrorObject refusal(AuthorizationGrant grant) throws Exception {
    return OIDCTokenResponseParser.parse(ask(grant)).toErrorResponse().getErrorObject();
  }

  /** What an ID token says, after all checks of the SDK. */
  private IDTokenClaimsSet check(OIDCTokenResponse tokens, Nonce nonce) throws Exception {
    IDTokenValidator validator = new IDTokenValidator(server.getIssuer(), id, JWSAlgorithm.RS256, server.getJWKSetURI().toURL());
    IDTokenClaimsSet told = validator.validate(tokens.getOIDCTokens().getIDToken(), nonce);
    AccessTokenValidator.validate(tokens.getOIDCTokens().getAccessToken(), JWSAlgorithm.RS256, told.getAccessTokenHash());
    checks++;
    return told;
  }

  private boolean introspect(AccessToken token) throws Exception {
    HTTPResponse answer = new TokenIntrospectionRequest(server.getIntrospectionEndpointURI(), authentication, token).toHTTPRequest().send();
    return TokenIntrospectionResponse.parse(answer).toSuccessResponse().isActive();
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
    checks++;
  }
}
