# docker build -t doorward . && docker run -p 3000:3000 -v doorward:/var/lib/doorward doorward
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package doorward \
 && install -D --strip target/release/doorward /out/doorward \
 && install -d /out/data

FROM debian:bookworm-slim
COPY --from=build /out/doorward /usr/local/bin/doorward
# Whom the server trusts when it asks others; the slim image has none.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Nobody in particular, by number: some platforms refuse users by name, for they cannot tell whether it is root.
COPY --from=build --chown=65532:65532 /out/data /var/lib/doorward
USER 65532:65532
ENV DOORWARD__SERVER__LISTEN=0.0.0.0:3000 DOORWARD__DATA_DIR=/var/lib/doorward
VOLUME /var/lib/doorward
EXPOSE 3000
STOPSIGNAL SIGTERM
# The image has no curl; the program asks itself.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
CMD ["serve"]
