# SPDX-License-Identifier: Apache-2.0
# The filter is the one that the reference implementation makes of the same items, byte for byte.
. "$CASES/_sets.sh"
minimal
kith export -d minimal.kith --to sha1 | tr a-f A-F >items
n=$(wc -l <items)
kith export -d minimal.kith --to bloom -o got
bloom create -p 0.0001 -n "$n" want
bloom insert want <items
judge "SHA-1, as many as there are" got want
kith export -d minimal.kith --to bloom --bloom-item md5 --fp 0.01 --capacity 5000 -o got
bloom create -p 0.01 -n 5000 want2
kith export -d minimal.kith --to nsrlsvr | bloom insert want2
judge "MD5, 5000" got want2
bloom check got <items | wc -l | tr -d ' '
kith export -d minimal.kith --to bloom --bloom-item md5 -o got
kith export -d minimal.kith --to nsrlsvr >items
bloom check got <items >found
judge "every item is found" found items
status kith export -d minimal.kith --to bloom --fp 1
status kith export -d minimal.kith --to bloom --capacity 10 -o overfull
[ ! -e overfull ] || echo "an overfull filter was written"
status kith export -d minimal.kith --to bloom --bloom-item crc32
