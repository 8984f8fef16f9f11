# Every recipe is one cargo command; `cargo xtask --help` says more.

# List the recipes
default:
    @just --list

# Start the server: SQLite in ./data, http://127.0.0.1:3000 unless set otherwise
run *ARGS:
    cargo run -- {{ ARGS }}

# Run all tests, or parts: just test --only rust
test *ARGS:
    cargo xtask test {{ ARGS }}

# Check the spelling, unused dependencies and all else, without the tests
check:
    cargo xtask ci --no-tests

# Fuzz the API, or the wire of daemons: just fuzz --seconds 3600, just fuzz wire
fuzz *ARGS:
    cargo xtask fuzz {{ ARGS }}

# Format the code
fmt:
    cargo fmt --all

# Check the rules of the house
lint:
    cargo xtask lint

# Check everything that decides whether a change may land
ci *ARGS:
    cargo xtask ci {{ ARGS }}

# Read the documentation of the crates
docs:
    cargo doc --workspace --no-deps --open

# Renew the committed OpenAPI document
openapi:
    cargo run --quiet -- openapi > docs/openapi.json
