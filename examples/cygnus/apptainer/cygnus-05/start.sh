#!/bin/sh
# Starts the containers of cygnus-05, on cygnus-05.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
set -- ldms-agg_latest.sif
for image in "$@"; do
    [ -f "$here/../$image" ] ||
        { echo "start.sh: cannot start: there is no $image in ${here%/*}: run pull.sh there" >&2; exit 1; }
done
prlimit --memlock=unlimited --pid $$

apptainer instance run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --add-caps=CAP_NET_BIND_SERVICE \
    --bind /dev/infiniband \
    --env HOSTNAME="$(uname -n)" \
    --bind /run/munge:/run/munge:ro \
    "$here"/../ldms-agg_latest.sif agg -x rdma:411 -a munge
