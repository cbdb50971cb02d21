# docker build -t civitai-oauth-mock .

FROM rust:1-bookworm AS build
WORKDIR /src
# What --version says: git's own history is not copied here.
ARG CIVITAI_MOCK_COMMIT=
ENV CIVITAI_MOCK_COMMIT=$CIVITAI_MOCK_COMMIT
COPY . .
# `cargo image` is in .cargo/config.toml. The caches keep what was downloaded and compiled for the next build.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo image \
    && mkdir -p /image/data \
    && cp "target/$(rustc --print host-tuple)/image/civitai-oauth-mock" /image/

# What the program is made of.
FROM rust:1-bookworm AS sbom
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    bash .ci/sbom /sbom.cdx.json

FROM scratch
# Everything belongs to the user below: /data is the one place to keep a database.
COPY --from=build --chown=65532:65532 /image/ /
COPY --from=sbom --chown=65532:65532 /sbom.cdx.json /
USER 65532:65532
# The port for coding agents, 9090, goes by this address too.
ENV CIVITAI_MOCK_LISTEN=0.0.0.0:8080
EXPOSE 8080 9090
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 \
    CMD ["/civitai-oauth-mock", "healthcheck"]
ENTRYPOINT ["/civitai-oauth-mock"]
