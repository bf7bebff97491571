#!/bin/sh
# Starts all containers, from a host that reaches all the others by pdsh.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
# A host that fails is told, and keeps no other from starting.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
failed=0

# Configuration files for cygnus-07
pdsh -S -w cygnus-07 'mkdir -p /etc/ldms' >/dev/null || failed=1
scp -q "$here"/dsosd.json "$here"/ldms_cfg.yaml "$here"/dsosd.conf "$here"/settings.py cygnus-07:/etc/ldms/ || failed=1

# Samplers on cygnus-0[1-4]
pdsh -S -w 'cygnus-0[1-4]' 'docker run -d --name=samp --restart=unless-stopped --network=host --pid=host --cap-drop=ALL --cap-add=NET_BIND_SERVICE --security-opt=no-new-privileges --read-only --device=/dev/infiniband --ulimit memlock=-1 -e LDMS_ENTRYPOINT_COMPONENT_ID=COMPONENT_ID -v /run/munge:/run/munge:ro ovishpc/ldms-samp:latest -x rdma:411 -a munge' >/dev/null || failed=1

# Aggregators on cygnus-0[5-6]
pdsh -S -w 'cygnus-0[5-6]' 'docker run -d --name=agg --restart=unless-stopped --network=host --cap-drop=ALL --cap-add=NET_BIND_SERVICE --security-opt=no-new-privileges --read-only --device=/dev/infiniband --ulimit memlock=-1 -v /run/munge:/run/munge:ro ovishpc/ldms-agg:latest -x rdma:411 -a munge' >/dev/null || failed=1

# Aggregator on cygnus-07
pdsh -S -w cygnus-07 'ls /etc/ldms/dsosd.json >/dev/null && docker run -d --name=agg --restart=unless-stopped --network=host --cap-drop=ALL --cap-add=NET_BIND_SERVICE --cap-add=SETUID --cap-add=SETGID --cap-add=KILL --security-opt=no-new-privileges --read-only --device=/dev/infiniband --ulimit memlock=-1 --tmpfs /run -e LDMS_ENTRYPOINT_DSOSD=1 -v /run/munge:/run/munge:ro -v /store:/store -v /etc/ldms/dsosd.json:/etc/dsosd.json:ro ovishpc/ldms-agg:latest -x rdma:411 -a munge' >/dev/null || failed=1

# Maestro on cygnus-07
pdsh -S -w cygnus-07 'ls /etc/ldms/ldms_cfg.yaml >/dev/null && docker run -d --name=maestro --restart=unless-stopped --network=host --cap-drop=ALL --security-opt=no-new-privileges --read-only --device=/dev/infiniband --ulimit memlock=-1 --tmpfs /run --tmpfs /tmp -v /run/munge:/run/munge:ro -v /etc/ldms/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro -v ldms-maestro-etcd:/var/lib/etcd ovishpc/ldms-maestro:latest' >/dev/null || failed=1

# The web back-end on cygnus-07
pdsh -S -w cygnus-07 'ls /etc/ldms/dsosd.conf /etc/ldms/settings.py >/dev/null && docker run -d --name=ui --restart=unless-stopped --network=host --cap-drop=ALL --cap-add=NET_BIND_SERVICE --security-opt=no-new-privileges --read-only --tmpfs /var/log/sosgui -v /etc/ldms/dsosd.conf:/opt/ovis/etc/dsosd.conf:ro -v /etc/ldms/settings.py:/opt/ovis/ui/sosgui/settings.py:ro ovishpc/ldms-ui:latest' >/dev/null || failed=1

# Grafana on cygnus-07
pdsh -S -w cygnus-07 'docker run -d --name=grafana --restart=unless-stopped --network=host --cap-drop=ALL --security-opt=no-new-privileges --read-only --tmpfs /tmp --tmpfs /etc/grafana/provisioning/datasources -e LDMS_ENTRYPOINT_DSOSDS_URL=http://cygnus-07 -v ldms-grafana-data:/var/lib/grafana ovishpc/ldms-grafana:latest' >/dev/null || failed=1

[ "$failed" -eq 0 ] || echo "${0##*/}: not everything was started: the lines above say on which hosts, and why" >&2
exit "$failed"
