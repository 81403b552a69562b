# SPDX-License-Identifier: Apache-2.0
# The program itself: help, version, what is unknown, output that cannot be written.
. "$CASES/_sets.sh"
modern
kith --help
kith --version | sed 's/[0-9]*\.[0-9]*\.[0-9]*/VERSION/'
status kith
status kith nonsense
status kith --nonsense
kith help lookup >got
kith lookup --help >want
judge "help COMMAND" got want
# Every command of the table: --help on stdout within 80 columns, an unknown option on stderr.
for id in $(sed -n 's/^KITH_CLI(\(.*\))/\1/p' "$KITH_SOURCE/lookup/cli/commands.def"); do
	kith "$id" --help >out 2>err
	[ ! -s err ] && awk 'length > 80 { exit 1 }' out && head -n 1 out
	code=0
	kith "$id" --nonsense >out 2>err || code=$?
	[ ! -s out ] && echo "$id $code $(cat err)"
done
status sh -c "kith lookup -d modern.kith $sha256 >/dev/full"
status sh -c 'kith dump modern.kith >/dev/full'
status sh -c 'kith lookup --help >/dev/full'
status sh -c 'kith-build nsrl --help >/dev/full'
kith dump modern.kith | head -n 1
kith build --version | sed 's/[0-9]*\.[0-9]*\.[0-9]*/VERSION/'
status kith scan
