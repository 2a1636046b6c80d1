# Builds the command in one image and puts it into a small one: the binary with the Swift runtime linked in, and libpcap.
#
#   docker build -t cleanq .
#   docker run --rm --device /dev/net/tun --cap-add NET_ADMIN cleanq echo tap0 --address 10.0.0.2/24
#
# io_uring is not in Docker's default seccomp profile; the TAP stage then says so once and falls back to read and write.

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libpcap-dev liburing-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY Examples Examples
COPY scripts scripts
RUN scripts/lib/build-static /cleanq

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /cleanq /usr/local/bin/cleanq
ENTRYPOINT ["/usr/local/bin/cleanq"]
CMD ["--help"]
