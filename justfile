# Recipes for contributors. Each calls a step of .ci/run, which CI runs from the first to the last.

[private]
default:
    @just --list

# Start the server with the demo's users and clients
run *options:
    cargo run -- {{ options }}

# Run all tests, or those whose names contain a word
test *filter:
    cargo test {{ filter }}

# Check formatting and lints
lint:
    bash .ci/run formatting lints

# Build the documentation of the library
docs:
    bash .ci/run documentation

# Build and check the documentation site
site:
    bash .ci/run docs

# Draw the picture of modules in docs/development/architecture.md again
picture:
    UPDATE_DOCS=1 cargo test --test it architecture

# Check licences, bans and sources of the dependencies
deny:
    bash .ci/run dependencies

# Build the program of the container image, and list what it is made of
image:
    bash .ci/run image sbom

# Check the types that TypeScript gets of the control API; needs the image's program
types:
    bash .ci/run npm_packages typescript

# Run the fuzz targets with a fixed seed
fuzz:
    bash .ci/run fuzzing

# Measure the server and compare it with others; takes minutes
bench:
    cargo run --release --package civitai-oauth-mock-benches --bin load

# Attack the server and measure a client meanwhile; takes minutes
abuse:
    cargo run --release --package civitai-oauth-mock-benches --bin abuse

# Run everything that CI runs
ci:
    bash .ci/run
