# SPDX-License-Identifier: Apache-2.0
# Lists as other programs write them, from a file, from standard input, several at once.
. "$CASES/_sets.sh"
modern
cp "$samples"/files/* .
verdicts() { kith lookup -d modern.kith --format csv "$@" | cut -d , -f 1,2 | tail -n +2; }
sha256sum editor.exe hello.txt unknown.txt >list
cut -c 1-64 list >bare
sha256sum --tag editor.exe hello.txt unknown.txt >tags
md5sum -b editor.exe hello.txt unknown.txt >binary
(echo 'name;SHA256' && sed 's/^\([^ ]*\)  \(.*\)/"\2";\1/' list) >list.csv
sed 's/^\([^ ]*\)  \(.*\)/{"file":{"name":"\2","hash":{"sha256":"\1"}}}/' list >list.jsonl
sed 's/^\([^ ]*\) .\(.*\)/\1|\/\2|1|r\/rrw|0|0|1|0|0|0|0/' binary >bodyfile
echo '0|/folder|2|d/drwx|0|0|0|0|0|0|0' >>bodyfile
(printf '%%%%%%%% HASHDEEP-1.0\n%%%%%%%% size,sha256,filename\n' && sed 's/^\([^ ]*\)  \(.*\)/1,\1,\2/' list) >deep
for f in bare list tags binary list.csv list.jsonl bodyfile deep; do
	echo "== $f"
	verdicts -f $f
done
echo "== standard input"
verdicts <bare
verdicts -f - <list
echo "== several"
status kith lookup -d modern.kith -u -f list -f binary $nobody
echo "== faults"
status kith lookup -d modern.kith -f missing -f . --format csv
printf 'not-a-hash\n%s\n%s0\n' $sha256 $sha256 >bad
status kith lookup -d modern.kith -k -f bad
i=0
while [ $i -lt 12 ]; do
	echo "bad $i"
	i=$((i + 1))
done >bad
status kith lookup -d modern.kith -f bad
printf '\177ELF\002\001\000\000\n\000\377\376\n' >binary
status kith lookup -d modern.kith -f binary
(head -c 3000000 /dev/zero | tr '\0' a && printf '\n%s\n' $sha256) >long
status kith lookup -d modern.kith -k -f long
echo "== not one hash"
echo '<?xml version="1.0"?>' >foreign
printf '<foo><file sha256="%s"/></foo>\n' $nobody >>foreign
status kith lookup -d modern.kith -f foreign
printf '{"digest":"%s"}\n' $nobody >unknown.jsonl
status kith lookup -d modern.kith -u -f unknown.jsonl
printf 'name,sha256\nx,\n' >empty.csv
status kith lookup -d modern.kith -f empty.csv
printf '0|/folder|2|d/drwx|0|0|0|0|0|0|0\n' >folders
status kith lookup -d modern.kith -u -f folders
printf '<d:dfxml>\n<d:fileobject><d:hashdigest type="sha256">%s</d:hashdigest></d:fileobject>\n</d:dfxml>\n' $nobody >prefix
status kith lookup -d modern.kith -u -f prefix
echo 'name,sha256' >head
status kith lookup -d modern.kith -f head
