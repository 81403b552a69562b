# SPDX-License-Identifier: Apache-2.0
# Sets that are missing, cut off, damaged, or none: exit 3 and a sentence, never a crash or an answer.
. "$CASES/_sets.sh"
modern
mkdir empty
status kith lookup -d missing.kith $sha256
status kith lookup -d empty $sha256
status kith lookup -d modern.kith -d empty $nobody
status env KITH_PATH=modern.kith:empty kith lookup $nobody
status env KITH_PATH=: kith lookup $nobody
status env KITH_PATH=missing.kith kith lookup $sha256
echo "this is no set, and it is long enough to be looked at" >text.kith
status kith info text.kith
: >nothing.kith
status kith verify nothing.kith
head -c 50000 modern.kith >short.kith
status kith lookup -d short.kith $sha256
# One byte of the set, somewhere: verify finds it, and the other commands end as they should.
size=$(wc -c <modern.kith)
at=1
while [ $at -lt "$size" ]; do
	cp modern.kith flipped.kith
	byte=$(od -An -tu1 -j $at -N 1 modern.kith)
	# shellcheck disable=SC2059
	printf "\\$(printf %o $((byte ^ 255)))" | dd of=flipped.kith bs=1 seek=$at conv=notrunc 2>/dev/null
	code=0
	kith verify flipped.kith >out 2>err || code=$?
	case $code in
	3) [ -s err ] || echo "at $at: no sentence" ;;
	# The free space of a page belongs to nothing.
	0) kith dump flipped.kith >got && kith dump modern.kith >want && cmp got want ;;
	*) echo "at $at: verify ended with $code" ;;
	esac
	for command in "lookup $sha256 $nobody" "why $sha256" "info" "name hello.txt" "export --to md5"; do
		code=0
		# shellcheck disable=SC2086
		kith ${command%% *} -d flipped.kith ${command#* } >out 2>err </dev/null || code=$?
		[ "$command" != info ] || code=0
		case $code in [0-3]) ;; *) echo "at $at: $command ended with $code" ;; esac
	done
	at=$((at + 4999))
done
echo done
