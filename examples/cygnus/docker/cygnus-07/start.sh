#!/bin/sh
# Starts the containers of cygnus-07, on cygnus-07.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1

docker run -d \
    --name=agg \
    --restart=unless-stopped \
    --network=host \
    --cap-drop=ALL \
    --cap-add=NET_BIND_SERVICE \
    --cap-add=SETUID \
    --cap-add=SETGID \
    --cap-add=KILL \
    --security-opt=no-new-privileges \
    --read-only \
    --device=/dev/infiniband \
    --ulimit memlock=-1 \
    --tmpfs /run \
    -e LDMS_ENTRYPOINT_DSOSD=1 \
    -v /run/munge:/run/munge:ro \
    -v /store:/store \
    -v "$here"/dsosd.json:/etc/dsosd.json:ro \
    ovishpc/ldms-agg:latest -x rdma:411 -a munge

docker run -d \
    --name=maestro \
    --restart=unless-stopped \
    --network=host \
    --cap-drop=ALL \
    --security-opt=no-new-privileges \
    --read-only \
    --device=/dev/infiniband \
    --ulimit memlock=-1 \
    --tmpfs /run \
    --tmpfs /tmp \
    -v /run/munge:/run/munge:ro \
    -v "$here"/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro \
    -v ldms-maestro-etcd:/var/lib/etcd \
    ovishpc/ldms-maestro:latest

docker run -d \
    --name=ui \
    --restart=unless-stopped \
    --network=host \
    --cap-drop=ALL \
    --cap-add=NET_BIND_SERVICE \
    --security-opt=no-new-privileges \
    --read-only \
    --tmpfs /var/log/sosgui \
    -v "$here"/dsosd.conf:/opt/ovis/etc/dsosd.conf:ro \
    -v "$here"/settings.py:/opt/ovis/ui/sosgui/settings.py:ro \
    ovishpc/ldms-ui:latest

docker run -d \
    --name=grafana \
    --restart=unless-stopped \
    --network=host \
    --cap-drop=ALL \
    --security-opt=no-new-privileges \
    --read-only \
    --tmpfs /tmp \
    --tmpfs /etc/grafana/provisioning/datasources \
    -e LDMS_ENTRYPOINT_DSOSDS_URL=http://cygnus-07 \
    -v ldms-grafana-data:/var/lib/grafana \
    ovishpc/ldms-grafana:latest
