# SPDX-License-Identifier: Apache-2.0
# Where a file was seen, and which files have a name.
. "$CASES/_sets.sh"
modern
minimal
status kith why -d modern.kith $sha256
status kith why -d modern.kith --limit 2 $empty
status kith why -d minimal.kith $shared $nobody
status kith why -d minimal.kith
status kith why -d minimal.kith xyz
status kith name -d modern.kith hello.txt welcome.txt no-such-name
status kith name -d modern.kith
# The name of most files, and one with a line break.
name=$(sql "select file_name from FILE where file_name not glob '*[^ -~]*' group by file_name
	order by count(distinct sha256) desc, file_name limit 1")
kith name -d minimal.kith "$name" >got
sql "select distinct lower(sha256) || '  ' || file_name from FILE where file_name = '$name'" |
	sort >want
judge name got want
kith name -d minimal.kith "$(printf 'line\nbreak 92.txt')" >got
sql "select distinct '\\' || lower(sha256) || '  line\\nbreak 92.txt' from FILE
	where hex(file_name) = '6C696E650A627265616B2039322E747874'" | sort >want
judge "name with a line break" got want
kith lookup -d minimal.kith -k -f got >again
judge "what name prints can be looked up" again got
# Several sets answer as one: each file once, by its SHA-256 where a set knows it, all in one order.
v2
kith name -d modern.kith -d v2.kith -d minimal.kith hello.txt >got
kith name -d modern.kith hello.txt >want
judge "name in several sets" got want
cp modern.kith copy.kith
kith name -d modern.kith -d copy.kith hello.txt >got
judge "name in a set and its copy" got want
