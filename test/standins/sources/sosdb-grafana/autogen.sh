#!/bin/sh
set -e
cd "$(dirname "$0")"
sh ./hold autogen
exec autoreconf --force --install
