#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes what the fault tests work on:  samples.sh FOLDER MKRDS KITH_BUILD
set -eu
rm -rf "$1"
mkdir -p "$1"
"$2" --kind v2 --rows 60 --seed 3 -o "$1/v2"
"$2" --kind full --rows 60 --seed 4 -o "$1/v3"
"$2" --kind full --rows 500 --seed 5 -o "$1/larger.db"
"$3" nsrl -o "$1/samples.kith" "$1/larger.db" "$1/v2"
