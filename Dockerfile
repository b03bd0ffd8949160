# The program in an image of its own, with nothing beside it: `docker build -t postrider .`
#
# The publication is mounted at /publication and belongs to user 65532, as whom everything runs:
#
#     docker run --rm -v /srv/tt-report:/publication postrider due
#     docker run -v /srv/tt-report:/publication -p 127.0.0.1:8643:8643 postrider web --listen 0.0.0.0:8643
#
# There is no shell in it, so a password is a file or a variable, not a `password_command`.

FROM docker.io/library/rust:1.95-slim-bookworm AS build
WORKDIR /postrider
COPY Cargo.toml Cargo.lock build.rs subscribers.example.csv ./
COPY .cargo .cargo
COPY src src
COPY templates templates
# Cargo wants to see what its manifest names, built or not.
COPY benches benches
COPY tests/it tests/it
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/postrider/target \
    cargo build --locked --profile dist && cp target/dist/postrider /usr/bin/postrider

# The C library and the certificates of public authorities; nothing else, and no root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/bin/postrider /usr/bin/postrider
WORKDIR /publication
EXPOSE 8643
ENTRYPOINT ["/usr/bin/postrider"]
CMD ["--help"]
