#!/bin/sh
# Fetches the images, once for all hosts; one that is here already stays.
# Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
cd "$here"

[ -f ldms-samp_latest.sif ] || {
    apptainer pull --force ldms-samp_latest.sif.part docker://ovishpc/ldms-samp:latest
    mv ldms-samp_latest.sif.part ldms-samp_latest.sif
}

[ -f ldms-agg_latest.sif ] || {
    apptainer pull --force ldms-agg_latest.sif.part docker://ovishpc/ldms-agg:latest
    mv ldms-agg_latest.sif.part ldms-agg_latest.sif
}

[ -f ldms-maestro_latest.sif ] || {
    apptainer pull --force ldms-maestro_latest.sif.part docker://ovishpc/ldms-maestro:latest
    mv ldms-maestro_latest.sif.part ldms-maestro_latest.sif
}

[ -f ldms-ui_latest.sif ] || {
    apptainer pull --force ldms-ui_latest.sif.part docker://ovishpc/ldms-ui:latest
    mv ldms-ui_latest.sif.part ldms-ui_latest.sif
}

[ -f ldms-grafana_latest.sif ] || {
    apptainer pull --force ldms-grafana_latest.sif.part docker://ovishpc/ldms-grafana:latest
    mv ldms-grafana_latest.sif.part ldms-grafana_latest.sif
}
