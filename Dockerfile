# festoon as images. Targets:
#   edge           the server and the command line; no libtorch
#   renderer       the worker with libtorch for CPUs
#   renderer-cuda  the worker with libtorch and the CUDA libraries (the driver comes from the NVIDIA container toolkit)
# docker build --target edge -t festoon .

FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3=3.11.* python3-pip=23.* \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /festoon
COPY scripts/fetch-libtorch.py scripts/libtorch.lock scripts/
RUN python3 scripts/fetch-libtorch.py cpu
COPY . .
RUN cargo build --release --locked -p festoon -p festoon-renderer

# libtorch_cpu is all that a build needs, so one build serves both renderers.
FROM build AS libtorch-cuda
RUN python3 scripts/fetch-libtorch.py cuda --into /opt/libtorch-root && rm -rf /opt/libtorch-root/torch/include

FROM build AS libtorch-cpu
RUN mkdir -p /opt/libtorch-root/torch \
 && cp -r third_party/libtorch-root/torch/lib /opt/libtorch-root/torch/lib \
 && cp -r third_party/libtorch-root/nvidia /opt/libtorch-root/nvidia

FROM debian:12-slim AS edge
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates=20* ffmpeg=7:5.1.* fonts-noto-cjk=1:20220127* \
    fonts-noto-color-emoji=2.042* fonts-noto-core=20201225* libstdc++6=12.* x264=2:0.164.* \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/festoon --create-home festoon
COPY --from=build /festoon/target/release/festoon /opt/festoon/bin/festoon
COPY templates /opt/festoon/templates
COPY config /opt/festoon/config
COPY models /opt/festoon/models
ENV PATH=/opt/festoon/bin:$PATH FESTOON__SERVER__LISTEN=0.0.0.0:8080 FESTOON__PATHS__STATE=/var/lib/festoon
USER 10001
WORKDIR /opt/festoon
VOLUME /var/lib/festoon
EXPOSE 8080
ENTRYPOINT ["festoon"]
CMD ["serve"]

FROM debian:12-slim AS renderer-base
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates=20* ffmpeg=7:5.1.* libgomp1=12.* libstdc++6=12.* x264=2:0.164.* \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/festoon --create-home festoon \
 && mkdir -p /opt/festoon/lib && ln -s libtorch-root/torch /opt/festoon/lib/libtorch
COPY --from=build /festoon/target/release/festoon-renderer /opt/festoon/bin/festoon-renderer
COPY config/renderer.toml /opt/festoon/config/renderer.toml
COPY models /opt/festoon/models
ENV PATH=/opt/festoon/bin:$PATH
USER 10001
WORKDIR /opt/festoon
ENTRYPOINT ["festoon-renderer"]
CMD ["run"]

FROM renderer-base AS renderer
COPY --from=libtorch-cpu /opt/libtorch-root /opt/festoon/lib/libtorch-root

FROM renderer-base AS renderer-cuda
COPY --from=libtorch-cuda /opt/libtorch-root /opt/festoon/lib/libtorch-root
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
