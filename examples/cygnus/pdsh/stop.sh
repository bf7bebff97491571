#!/bin/sh
# Stops and removes all containers; volumes stay.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -u
failed=0

# Maestro on cygnus-07
pdsh -S -w cygnus-07 'docker stop maestro && docker rm maestro' >/dev/null || failed=1

# Grafana on cygnus-07
pdsh -S -w cygnus-07 'docker stop grafana && docker rm grafana' >/dev/null || failed=1

# The web back-end on cygnus-07
pdsh -S -w cygnus-07 'docker stop ui && docker rm ui' >/dev/null || failed=1

# Aggregator on cygnus-07
pdsh -S -w cygnus-07 'docker stop agg && docker rm agg' >/dev/null || failed=1

# Aggregators on cygnus-0[5-6]
pdsh -S -w 'cygnus-0[5-6]' 'docker stop agg && docker rm agg' >/dev/null || failed=1

# Samplers on cygnus-0[1-4]
pdsh -S -w 'cygnus-0[1-4]' 'docker stop samp && docker rm samp' >/dev/null || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not everything was stopped: the lines above say on which hosts, and why" >&2
exit "$failed"
