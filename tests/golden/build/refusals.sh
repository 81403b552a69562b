# SPDX-License-Identifier: Apache-2.0
# What is no release gets one sentence that names it and says what was expected, and exit 2. An old
# set stays as it is and nothing is left behind.
set -u
samples=$KITH_SOURCE/data-samples
try() {
	kith-build nsrl --quiet -o set.kith "$@" 2>&1
	echo "exit $?"
}
kith-build nsrl --quiet -o set.kith "$samples/rds_modern" || exit 99
cp set.kith before

printf 'hello\n' >text
: >empty
mkdir folder
printf "INSERT INTO FILE VALUES('x');\n" >delta.sql
bsdtar -xOf "$samples/RDS_2026.03.1_android_minimal.zip" '*.db' >good.db
sqlite3 other.db 'CREATE TABLE t(a)'
sqlite3 view.db 'CREATE TABLE t(a); CREATE VIEW FILE AS SELECT a AS sha256 FROM t'
sqlite3 half.db 'CREATE TABLE FILE(sha256, sha1, md5, file_name, file_size, package_id)'
zip -q text.zip text
zip -q delta.zip delta.sql
zip -q -P secret encrypted.zip good.db
zip -q two.zip good.db other.db
head -c 20000 "$samples/RDS_2026.03.1_android_minimal.zip" >cut.zip
head -c $(($(wc -c <good.db) / 8192 * 4096)) good.db >cut.db
cp good.db log.db && echo x >log.db-wal

for input in missing text empty folder delta.sql other.db view.db half.db text.zip delta.zip \
	encrypted.zip two.zip cut.zip cut.db log.db set.kith; do
	try "$input"
done
echo "one good, one not:"
try "$samples/RDS_2026.03.1_android_minimal.zip" text
echo "the same release twice:"
try good.db "$samples/RDS_2026.03.1_android_minimal.zip" | sed "s|$KITH_SOURCE/||"
cmp before set.kith && echo 'the old set is untouched'
ls -A | grep tmp
exit 0
