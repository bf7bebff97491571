#!/bin/sh
# A stand-in for the start script of grafana's own image.
exec grafana-server --homepath="$GF_PATHS_HOME" --config="$GF_PATHS_CONFIG" --packaging=docker "$@"
