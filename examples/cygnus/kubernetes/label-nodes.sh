#!/bin/sh
# Labels the nodes, so that each gets its pods. A node keeps them until its label is taken away:
# kubectl label node NODE ldms.ovis-hpc.org/NAME-
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -u
failed=0

kubectl label --overwrite node cygnus-01 cygnus-02 cygnus-03 cygnus-04 ldms.ovis-hpc.org/samp=true || failed=1
kubectl label --overwrite node cygnus-05 cygnus-06 ldms.ovis-hpc.org/agg=true || failed=1
kubectl label --overwrite node cygnus-07 ldms.ovis-hpc.org/agg-2=true ldms.ovis-hpc.org/maestro=true ldms.ovis-hpc.org/ui=true ldms.ovis-hpc.org/grafana=true || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not every node was labelled: the lines above say why" >&2
exit "$failed"
