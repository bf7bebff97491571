#!/bin/sh
# Starts the containers of cygnus-01, on cygnus-01.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu

docker run -d \
    --name=samp \
    --restart=unless-stopped \
    --network=host \
    --pid=host \
    --cap-drop=ALL \
    --cap-add=NET_BIND_SERVICE \
    --security-opt=no-new-privileges \
    --read-only \
    --device=/dev/infiniband \
    --ulimit memlock=-1 \
    -e COMPONENT_ID=1 \
    -v /run/munge:/run/munge:ro \
    ovishpc/ldms-samp:latest -x rdma:411 -a munge
