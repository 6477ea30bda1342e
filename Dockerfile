# The image of knat: Debian's Node.js and nftables, the compiled program and the packages that it needs.
#
#   docker build -t REGISTRY/knat:0.1.0 .
#
# `make test-image` follows these instructions without a container engine (FROM, RUN, COPY, WORKDIR, ENV, LABEL, ENTRYPOINT, CMD)
# and runs what comes out.

FROM debian:trixie-slim AS base
# nftables is for people who read the rules from the container; netbase has the names of protocols, with which it prints `tcp`
# instead of 6. koffi needs libstdc++. iptables (both of its flavours) is for FORWARD chains of the host that drop, and for what kube-proxy left.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables netbase nftables nodejs libstdc++6 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt

FROM base AS build
RUN apt-get update && apt-get install --yes --no-install-recommends npm
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin ./bin
COPY src ./src
COPY ui ./ui
COPY scripts/build-bundle.js scripts/build-page.js ./scripts/
RUN npm run build
# Of the packages, what runs: no declarations, no source maps.
RUN npm ci --omit=dev --no-audit --no-fund \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete \
 && rm -f dist/.tsbuildinfo node_modules/.package-lock.json

FROM base
LABEL org.opencontainers.image.title="knat" \
      org.opencontainers.image.description="One agent per Kubernetes node that does all of the node's network address translation" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="debian:trixie-slim"
COPY --from=build /src/package.json /opt/knat/
COPY LICENSE /opt/knat/
COPY --from=build /src/bin /opt/knat/bin
COPY --from=build /src/dist /opt/knat/dist
COPY --from=build /src/node_modules /opt/knat/node_modules
RUN ln -s /opt/knat/bin/knat /usr/local/bin/knat && ln -s /opt/knat/bin/knat /usr/local/bin/podnat-controller
# No USER: the kernel takes rules from a process with CAP_NET_ADMIN only. A runtime gives a user of another number
# its capabilities in the bounding set alone, and they are lost when node is started; as root they stay.
# charts/knat leaves root with that one capability, a read-only file system and no way to more.
ENTRYPOINT ["knat"]
CMD ["--help"]
