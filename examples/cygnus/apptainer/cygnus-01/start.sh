#!/bin/sh
# Starts the containers of cygnus-01, on cygnus-01.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
set -- ldms-samp_latest.sif
for image in "$@"; do
    [ -f "$here/../$image" ] ||
        { echo "start.sh: cannot start: there is no $image in ${here%/*}: run pull.sh there" >&2; exit 1; }
done
manager=--system; [ "$(id -u)" -eq 0 ] || manager=--user

# systemd keeps it: an instance of Apptainer's does not see the host's processes.
systemd-run "$manager" --quiet --collect --unit=ldms-samp --property=Restart=always \
    --property=RestartSec=10 \
    --property=LimitMEMLOCK=infinity \
    apptainer run \
    --contain \
    --cleanenv \
    --no-home \
    --no-eval \
    --no-privs \
    --add-caps=CAP_NET_BIND_SERVICE \
    --bind /dev/infiniband \
    --env HOSTNAME="$(uname -n)" \
    --env COMPONENT_ID=1 \
    --bind /run/munge:/run/munge:ro \
    "$here"/../ldms-samp_latest.sif -x rdma:411 -a munge
