# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For the cases: the sets that they ask, made from data-samples, and the judges that check answers.
set -eu
samples=$KITH_SOURCE/data-samples

# set_of NAME INPUT...: makes NAME.kith.
set_of() {
	set_name=$1
	shift
	kith-build nsrl -o "$set_name.kith" "$@" 2>build.log || {
		cat build.log >&2
		exit 99
	}
}
minimal() { set_of minimal "$samples/RDS_2026.03.1_android_minimal.zip"; }
modern() { set_of modern "$samples/RDS_2026.03.1_modern.zip"; }
v2() { set_of v2 "$samples/rds_modern"; }

# sql QUERY: asks the release that minimal.kith was made from.
sql() {
	[ -e minimal.db ] ||
		bsdtar -xOf "$samples/RDS_2026.03.1_android_minimal.zip" '*.db' >minimal.db
	sqlite3 -noheader -list minimal.db "$1"
}

# judge WHAT FILE FILE: the second is an independent program's.
judge() {
	if cmp -s "$2" "$3"; then
		echo "$1: as expected"
	else
		echo "$1: differs"
		diff "$2" "$3" | head -n 10
	fi
}

# status COMMAND...: prints its exit status behind its output.
status() {
	code=0
	"$@" || code=$?
	echo "exit $code"
}

# Of data-samples/files/hello.txt; the empty file; what nobody has.
sha256=4bd6e0ebb8b3898a75b0efe6f1b8d5c2783cdd4aed7972feafca462850e598a1
sha1=4d1f5bb14d9822a4226e9814042b814717225bc7
md5=c7c508a8df550c601d9213c3af65b961
empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
nobody=00000000000000000000000000000000000000000000000000000000000000ff
# Two files of the minimal release have this MD5.
shared=a355064898ceb17a9080ec4120ee6e31
