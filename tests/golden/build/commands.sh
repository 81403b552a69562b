# SPDX-License-Identifier: Apache-2.0
# Usage of kith-build.
try() {
	kith-build "$@"
	echo "exit $?"
}
try
try foo
try --foo
try nsrl
try nsrl -o
try nsrl -o x.kith
try nsrl --foo -o x.kith input
try nsrl -o x.kith --memory 1K input
try nsrl -o x.kith --memory lots input
try nsrl -o x.kith --threads 1000 input
try nsrl -o x.kith --progress=dots input
try nsrl -o x.kith --set-name= input
try merge -o x.kith missing.kith
try --help
exit 0
