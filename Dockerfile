# circuitd and its client, built and installed by the same scripts as without a container.
#
#   docker build -t circuitd .                                      for CPUs
#   docker build -t circuitd --build-arg INSTALL_FLAGS=--gpu .      with the CUDA libraries (run with --gpus all)
#   docker run --rm -p 127.0.0.1:50051:50051 circuitd
#
# A Hugging Face cache is mounted at /models/huggingface, a folder of model folders at /models/repository; jobs are kept in
# /var/lib/circuitd.

FROM debian:12-slim AS build
ARG INSTALL_FLAGS=""
# Programs look for LibTorch where they were linked with it.
ENV CIRCUITD_DEPS=/opt/circuitd
WORKDIR /src
COPY deploy/install-deps.sh deploy/
RUN deploy/install-deps.sh ${INSTALL_FLAGS} && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release \
    && cmake --build build/release --parallel "$(nproc)" --target circuitd circuit
# What the programs need of LibTorch; of its CUDA part, which is half of it, nothing without the CUDA libraries.
WORKDIR /opt/circuitd
RUN mkdir -p /dist/bin \
    && cp /src/build/release/server/circuitd /src/build/release/client/circuit /dist/bin/ \
    && cp -r --parents libtorch-2.11.0/torch/lib libtorch-2.11.0/nvidia /dist \
    && rm /dist/libtorch-2.11.0/torch/lib/libtorch_python.so \
    && if [ "$INSTALL_FLAGS" != --gpu ]; then \
         find /dist/libtorch-2.11.0/torch/lib \( -name 'lib*_cuda*.so' -o -name libtorch_nvshmem.so \) -delete; \
       fi

FROM debian:12-slim
COPY deploy/install-deps.sh /tmp/
RUN /tmp/install-deps.sh --runtime \
    && rm -rf /var/lib/apt/lists/* /tmp/install-deps.sh \
    && useradd --system --uid 10001 --create-home circuitd \
    && install -d -o circuitd /models/huggingface /models/repository /var/lib/circuitd
COPY --from=build /dist /opt/circuitd
COPY models/seqcont-demo /opt/circuitd/models/seqcont-demo
ENV PATH=/opt/circuitd/bin:$PATH HF_HOME=/models/huggingface CIRCUITD_SERVER=127.0.0.1:50051
USER 10001
WORKDIR /home/circuitd
EXPOSE 50051 9464
VOLUME /var/lib/circuitd
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["circuit", "models"]
ENTRYPOINT ["circuitd", "--address", "0.0.0.0:50051", "--metrics-address", "0.0.0.0:9464", "--data-dir", "/var/lib/circuitd", "--model-repository", "/models/repository", "--model", "seqcont-demo=/opt/circuitd/models/seqcont-demo"]
