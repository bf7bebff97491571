#!/bin/sh
# Stops the containers of cygnus-01; the directories of their data stay.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -u
manager=--system; [ "$(id -u)" -eq 0 ] || manager=--user
failed=0

systemctl "$manager" stop ldms-samp.service || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not everything was stopped: the lines above say why" >&2
exit "$failed"
