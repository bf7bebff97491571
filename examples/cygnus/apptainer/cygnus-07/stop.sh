#!/bin/sh
# Stops the containers of cygnus-07; the directories of their data stay.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -u
failed=0

apptainer instance stop --signal=SIGTERM grafana || failed=1
apptainer instance stop --signal=SIGTERM ui || failed=1
apptainer instance stop --signal=SIGTERM maestro || failed=1
apptainer instance stop --signal=SIGTERM agg || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not everything was stopped: the lines above say why" >&2
exit "$failed"
