#!/bin/sh
# Starts the containers of cygnus-07, on cygnus-07.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
set -- ldms-agg_latest.sif ldms-maestro_latest.sif ldms-ui_latest.sif ldms-grafana_latest.sif
for image in "$@"; do
    [ -f "$here/../$image" ] ||
        { echo "start.sh: cannot start: there is no $image in ${here%/*}: run pull.sh there" >&2; exit 1; }
done
mkdir -p "$here"/ldms-maestro-etcd "$here"/ldms-grafana-data
prlimit --memlock=unlimited --pid $$

apptainer instance run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --add-caps=CAP_NET_BIND_SERVICE,CAP_SETUID,CAP_SETGID,CAP_KILL \
    --writable-tmpfs \
    --bind /dev/infiniband \
    --env HOSTNAME="$(uname -n)" \
    --env LDMS_ENTRYPOINT_DSOSD=1 \
    --bind /run/munge:/run/munge:ro \
    --bind /store:/store \
    --bind "$here"/dsosd.json:/etc/dsosd.json:ro \
    "$here"/../ldms-agg_latest.sif agg -x rdma:411 -a munge

apptainer instance run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --writable-tmpfs \
    --bind /dev/infiniband \
    --env HOSTNAME="$(uname -n)" \
    --bind /run/munge:/run/munge:ro \
    --bind "$here"/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro \
    --bind "$here"/ldms-maestro-etcd:/var/lib/etcd \
    "$here"/../ldms-maestro_latest.sif maestro

apptainer instance run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --add-caps=CAP_NET_BIND_SERVICE \
    --writable-tmpfs \
    --env HOSTNAME="$(uname -n)" \
    --bind "$here"/dsosd.conf:/opt/ovis/etc/dsosd.conf:ro \
    --bind "$here"/settings.py:/opt/ovis/ui/sosgui/settings.py:ro \
    "$here"/../ldms-ui_latest.sif ui

apptainer instance run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --writable-tmpfs \
    --env HOSTNAME="$(uname -n)" \
    --env LDMS_ENTRYPOINT_DSOSDS_URL=http://cygnus-07 \
    --bind "$here"/ldms-grafana-data:/var/lib/grafana \
    "$here"/../ldms-grafana_latest.sif grafana
