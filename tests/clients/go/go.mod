module doorward/tests/clients/go

go 1.26.0

require (
	github.com/coder/websocket v1.8.13
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/hashicorp/yamux v0.1.2
	golang.org/x/oauth2 v0.38.0
	storj.io/drpc v0.0.33
)

require (
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/zeebo/errs v1.2.2 // indirect
)
