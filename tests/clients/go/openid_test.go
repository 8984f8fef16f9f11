// golang.org/x/oauth2 and github.com/coreos/go-oidc as Grafana, Argo CD, kubectl and many others use them.
package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const callback = "https://client.example/callback"

// onEach runs the test on each database that there is.
func onEach(t *testing.T, test func(t *testing.T, s *server), settings ...string) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) { test(t, startOn(t, url(t), settings...)) })
	}
}

// party is an app, as the libraries know it.
type party struct {
	*server
	t        *testing.T
	provider *oidc.Provider
	config   oauth2.Config
}

func (s *server) party(t *testing.T, style oauth2.AuthStyle, app map[string]any, scopes ...string) *party {
	t.Helper()
	body := map[string]any{"name": "robot", "callback_url": callback}
	for name, value := range app {
		body[name] = value
	}
	made := s.call("POST", "/oauth2-provider/apps", s.owner, body, 201).(map[string]any)
	provider, err := oidc.NewProvider(context.Background(), s.url)
	must(t, err)
	p := &party{server: s, t: t, provider: provider}
	p.config = oauth2.Config{ClientID: made["id"].(string), RedirectURL: callback, Endpoint: provider.Endpoint(), Scopes: scopes}
	p.config.Endpoint.AuthStyle = style
	if body["public"] != true {
		secret := s.call("POST", "/oauth2-provider/apps/"+p.config.ClientID+"/secrets", s.owner, nil, 201)
		p.config.ClientSecret = secret.(map[string]any)["client_secret_full"].(string)
	}
	return p
}

// allow is what the owner does with the address of an authorization request; what comes back in the query.
func (p *party) allow(address string) url.Values {
	p.t.Helper()
	request, err := http.NewRequest("POST", address, nil)
	must(p.t, err)
	request.Header.Set("Coder-Session-Token", p.owner)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	must(p.t, err)
	response.Body.Close()
	equal(p.t, response.StatusCode, 302)
	location, err := response.Location()
	must(p.t, err)
	if !strings.HasPrefix(location.String(), callback+"?") {
		p.t.Fatalf("sent to %s", location)
	}
	return location.Query()
}

func (p *party) signIn(options ...oauth2.AuthCodeOption) *oauth2.Token {
	p.t.Helper()
	verifier := oauth2.GenerateVerifier()
	options = append(options, oauth2.S256ChallengeOption(verifier))
	answer := p.allow(p.config.AuthCodeURL("the state", options...))
	equal(p.t, answer.Get("state"), "the state")
	equal(p.t, answer.Get("iss"), p.url)
	token, err := p.config.Exchange(context.Background(), answer.Get("code"), oauth2.VerifierOption(verifier))
	must(p.t, err)
	return token
}

// told is what an ID token says, which must be one for this app and this access token.
func (p *party) told(token *oauth2.Token) (*oidc.IDToken, map[string]any) {
	p.t.Helper()
	text, _ := token.Extra("id_token").(string)
	told, err := p.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(context.Background(), text)
	must(p.t, err)
	must(p.t, told.VerifyAccessToken(token.AccessToken))
	claims := map[string]any{}
	must(p.t, told.Claims(&claims))
	return told, claims
}

// refused is the word with which the server refuses.
func refused(t *testing.T, err error) string {
	t.Helper()
	var failure *oauth2.RetrieveError
	if !errors.As(err, &failure) {
		t.Fatalf("not refused: %v", err)
	}
	return failure.ErrorCode
}

func TestSignIn(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		for name, style := range map[string]oauth2.AuthStyle{
			"header": oauth2.AuthStyleInHeader, "body": oauth2.AuthStyleInParams, "found out": oauth2.AuthStyleAutoDetect,
		} {
			t.Run(name, func(t *testing.T) {
				p := s.party(t, style, map[string]any{"name": "robot-" + strings.ReplaceAll(name, " ", "-")}, oidc.ScopeOpenID, "profile", "email")
				token := p.signIn(oidc.Nonce("once"))
				told, _ := p.told(token)
				equal(t, told.Nonce, "once")
				equal(t, told.Issuer, s.url)
				me := s.call("GET", "/users/me", s.owner, nil, 200).(map[string]any)
				equal(t, told.Subject, me["id"].(string))
				// Go reads when a token ends.
				if left := time.Until(token.Expiry); left < 23*time.Hour || left > 25*time.Hour {
					t.Fatalf("it ends at %v", token.Expiry)
				}
				info, err := p.provider.UserInfo(context.Background(), oauth2.StaticTokenSource(token))
				must(t, err)
				equal(t, info.Subject, told.Subject)
				equal(t, info.Email, "olivia@example.com")
				equal(t, info.EmailVerified, false)
				var profile struct {
					Name string `json:"preferred_username"`
				}
				must(t, info.Claims(&profile))
				equal(t, profile.Name, "olivia")
			})
		}
	})
}

func TestPublicAppRefreshesByItself(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := s.party(t, oauth2.AuthStyleInParams, map[string]any{"public": true}, oidc.ScopeOpenID, oidc.ScopeOfflineAccess)
		first := p.signIn()
		before, claims := p.told(first)
		time.Sleep(time.Until(first.Expiry) + time.Second)
		second, err := p.config.TokenSource(context.Background(), first).Token()
		must(t, err)
		if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
			t.Fatal("the old tokens once more")
		}
		after, again := p.told(second)
		equal(t, after.Subject, before.Subject)
		equal(t, again["sid"].(string), claims["sid"].(string))
		equal(t, again["auth_time"].(float64), claims["auth_time"].(float64))
		if again["nonce"] != nil {
			t.Fatal("a nonce after a refresh")
		}
	}, "OAUTH2__ACCESS_TOKEN_LIFETIME=2s")
}

func TestRefusals(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := s.party(t, oauth2.AuthStyleInHeader, nil, oidc.ScopeOpenID)
		verifier := oauth2.GenerateVerifier()
		answer := p.allow(p.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		_, err := p.config.Exchange(context.Background(), answer.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
		equal(t, refused(t, err), "invalid_grant")
		_, err = p.config.Exchange(context.Background(), answer.Get("code"), oauth2.VerifierOption(verifier))
		must(t, err)
		_, err = p.config.Exchange(context.Background(), answer.Get("code"), oauth2.VerifierOption(verifier))
		equal(t, refused(t, err), "invalid_grant")
		wrong := p.config
		wrong.ClientSecret = "coder_wrong_secret"
		_, err = wrong.Exchange(context.Background(), answer.Get("code"), oauth2.VerifierOption(verifier))
		equal(t, refused(t, err), "invalid_client")
		answer = p.allow(p.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("scope", "no:such")))
		equal(t, answer.Get("error"), "invalid_scope")
	})
}

func TestServiceAccount(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := s.party(t, oauth2.AuthStyleInHeader, map[string]any{"service_account": true})
		config := clientcredentials.Config{ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, TokenURL: p.config.Endpoint.TokenURL}
		response, err := config.Client(context.Background()).Get(s.url + "/api/v2/users/me")
		must(t, err)
		response.Body.Close()
		equal(t, response.StatusCode, 200)
	})
}

func TestDevice(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		p := s.party(t, oauth2.AuthStyleInParams, map[string]any{"public": true, "device_flow": true}, oidc.ScopeOpenID, "email")
		device, err := p.config.DeviceAuth(context.Background())
		must(t, err)
		equal(t, device.Interval, 5)
		p.approve(device.UserCode)
		patience, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		token, err := p.config.DeviceAccessToken(patience, device)
		must(t, err)
		told, _ := p.told(token)
		me := s.call("GET", "/users/me", s.owner, nil, 200).(map[string]any)
		equal(t, told.Subject, me["id"].(string))
	})
}

var csrfToken = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

// approve is what the owner does at a browser with the code of a device.
func (p *party) approve(code string) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	must(p.t, err)
	browser := http.Client{Jar: jar}
	address, err := url.Parse(p.url)
	must(p.t, err)
	jar.SetCookies(address, []*http.Cookie{{Name: "coder_session_token", Value: p.owner}})
	read := func(response *http.Response, err error) string {
		p.t.Helper()
		must(p.t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		must(p.t, err)
		equal(p.t, response.StatusCode, 200)
		return string(body)
	}
	page := read(browser.Get(p.url + "/device?user_code=" + code))
	for _, action := range []string{"", "authorize"} {
		tokens := csrfToken.FindAllStringSubmatch(page, -1)
		form := url.Values{"user_code": {code}, "csrf_token": {tokens[len(tokens)-1][1]}}
		if action != "" {
			form.Set("action", action)
		}
		page = read(browser.PostForm(p.url+"/oauth2/device/verify", form))
	}
	contains(p.t, page, "is connected")
}
