#!/bin/sh
# Stops and removes the containers of cygnus-07, all at once; volumes stay.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -u
failed=0

docker stop agg maestro ui grafana || failed=1
docker rm agg maestro ui grafana || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not everything was stopped: the lines above say why" >&2
exit "$failed"
