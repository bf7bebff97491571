#!/bin/sh
# Starts the containers of cygnus-05, on cygnus-05.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu

docker run -d \
    --name=agg \
    --restart=unless-stopped \
    --network=host \
    --cap-drop=ALL \
    --cap-add=NET_BIND_SERVICE \
    --security-opt=no-new-privileges \
    --read-only \
    --device=/dev/infiniband \
    --ulimit memlock=-1 \
    -v /run/munge:/run/munge:ro \
    ovishpc/ldms-agg:latest -x rdma:411 -a munge
