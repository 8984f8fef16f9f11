module doorward/tests/clients/go

go 1.24

require (
	github.com/coder/websocket v1.8.13
	github.com/hashicorp/yamux v0.1.2
	storj.io/drpc v0.0.33
)

require github.com/zeebo/errs v1.2.2 // indirect
