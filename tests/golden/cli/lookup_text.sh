# SPDX-License-Identifier: Apache-2.0
# A file by each kind of hash, in any case; unknown, trivial; the exit status is that of the worst.
. "$CASES/_sets.sh"
modern
sha256sum "$samples/files/hello.txt" | cut -c 1-64 | grep -cx "$sha256"
sha1sum "$samples/files/hello.txt" | cut -c 1-40 | grep -cx "$sha1"
md5sum "$samples/files/hello.txt" | cut -c 1-32 | grep -cx "$md5"
status kith lookup -d modern.kith $sha256
status kith lookup -d modern.kith $sha1 $(echo $md5 | tr a-f A-F)
status kith lookup -d modern.kith --limit 2 $empty
status kith lookup -d modern.kith $sha256 $nobody
status kith lookup -d modern.kith --exit-zero $nobody
status kith lookup -d modern.kith $nobody not-a-hash 0123456789abcdef0123456789abcde "$(printf 'a\033[2J')"
