/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "answer/list.h"
#include "base/limits.h"

#define M  "d41d8cd98f00b204e9800998ecf8427e"
#define M2 "0123456789ABCDEF0123456789abcdef"
#define S1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define S2 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Writes the list to a file and starts to read it. */
static FILE *begin(struct kith_list_reader *reader, const void *text, size_t n)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	kith_list_reader_init(reader, fileno(file));
	return file;
}

static void end(struct kith_list_reader *reader, FILE *file)
{
	kith_list_reader_done(reader);
	(void)fclose(file);
}

/*
 * Reads a list and writes what was found: "s256 RAW|", "sha1 RAW|", "md5 RAW|", "none|" for an
 * entry without a hash, "bad N|" with the line. RAW is the entry with its line ends.
 */
static char found[8192];
static const char *list(const void *text, size_t n)
{
	static const char *const kinds[] = {"s256", "sha1", "md5"};
	struct kith_list_reader reader;
	struct kith_entry entry;
	struct kith_err err;
	FILE *file = begin(&reader, text, n);
	enum kith_status st;
	size_t at = 0;

	found[0] = '\0';
	while ((st = kith_list_reader_next(&reader, &entry, &err)) == KITH_OK) {
		switch (entry.kind) {
		case KITH_ENTRY_NONE: break;
		case KITH_ENTRY_NOHASH:
			at += (size_t)snprintf(found + at, sizeof found - at, "none|");
			break;
		case KITH_ENTRY_BAD:
			assert_true(entry.reason[0] != '\0');
			at += (size_t)snprintf(found + at, sizeof found - at, "bad %d|",
					       (int)entry.line);
			break;
		case KITH_ENTRY_HASH:
			assert_true(entry.text >= entry.raw &&
				    entry.text + entry.text_n <= entry.raw + entry.raw_n);
			assert_int_equal(entry.text_n, 2 * kith_digest_size(entry.digest));
			at += (size_t)snprintf(found + at, sizeof found - at, "%s %.*s|",
					       kinds[entry.digest], (int)entry.raw_n,
					       (const char *)entry.raw);
			break;
		}
	}
	assert_int_equal(st, KITH_END);
	assert_true(at < sizeof found);
	end(&reader, file);
	return found;
}
#define LIST(text, want) assert_string_equal(list(text, sizeof(text) - 1), want)

static void bare_hashes_of_any_kind_and_case(void **state)
{
	(void)state;
	LIST("", "");
	LIST(M "\n" S1 "\n" S2 "\n", "md5 " M "\n|sha1 " S1 "\n|s256 " S2 "\n|");
	LIST(M2, "md5 " M2 "|");
	LIST("\n\n  \n# a comment\n" M "\r\n", "md5 " M "\r\n|");
	LIST("\xef\xbb\xbf" M "\n", "md5 \xef\xbb\xbf" M "\n|");
	LIST("  " M "  \n", "md5   " M "  \n|");
}

static void lines_of_sha256sum_and_its_like(void **state)
{
	(void)state;
	LIST(S2 "  a name\n" S1 " *b\n\\" M "  c\\nd\n",
	     "s256 " S2 "  a name\n|sha1 " S1 " *b\n|md5 \\" M "  c\\nd\n|");
	LIST("SHA256 (a (1) = b) = " S2 "\nMD5 (x) = " M "\nSHA1 (x) = " S1 "\n",
	     "s256 SHA256 (a (1) = b) = " S2 "\n|md5 MD5 (x) = " M "\n|sha1 SHA1 (x) = " S1 "\n|");
	LIST("SHA512 (x) = " S2 S2 "\n", "bad 1|");
	LIST("MD5 (x) = zz\n", "bad 1|");
}

static void what_is_no_hash_is_bad_and_the_list_goes_on(void **state)
{
	(void)state;
	LIST("not-a-hash\n" M "\n0123456789abcdef0123456789abcde\n" S1 "0\n" M "x\n",
	     "bad 1|md5 " M "\n|bad 3|bad 4|bad 5|");
	LIST("\x7f"
	     "ELF\x02\x01\x01\0\0\n\0\0\n" M "\n",
	     "bad 1|bad 2|md5 " M "\n|");
}

static void hashdeep_takes_the_strongest(void **state)
{
	(void)state;
	LIST("%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /\n## \n"
	     "3," M "," S2 ",/a,b\"c\n",
	     "s256 3," M "," S2 ",/a,b\"c\n|");
	LIST("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n3," M ",x\n", "md5 3," M ",x\n|");
	LIST("%%%% HASHDEEP-1.0\n%%%% size,tiger,filename\n" M "\n", "bad 2|md5 " M "\n|");
}

static void csv_with_a_head(void **state)
{
	(void)state;
	LIST("Name,SHA-256,MD5\r\n\"a,\"\"b\"\"\"," S2 "," M "\r\nc,," M "\r\nd,,\r\ne\r\n",
	     "s256 \"a,\"\"b\"\"\"," S2 "," M "\r\n|md5 c,," M "\r\n|none|bad 5|");
	LIST("md5;name\n\"" M "\";x\n", "md5 \"" M "\";x\n|");
	LIST("name\tsha1\nx\t" S1 "\n", "sha1 x\t" S1 "\n|");
	LIST("SHA-256\n" S2 "\n", "s256 " S2 "\n|");
	LIST("name,sha256\nx," M "\n", "bad 2|"); /* an MD5 where a SHA-256 should be */
	LIST("name,md5\nx," M "\nname,md5\ny," M "\n", "md5 x," M "\n|md5 y," M "\n|");
}

static void a_line_with_a_hash_is_no_head(void **state)
{
	(void)state;
	LIST(S2 ",sha256\n" M ",x\n", "s256 " S2 ",sha256\n|md5 " M ",x\n|");
	LIST(S2 "  x,sha256\n" S1 "  y\n", "s256 " S2 "  x,sha256\n|sha1 " S1 "  y\n|");
	LIST("\\" M "  a\\nb;md5\n" M "  x\n", "md5 \\" M "  a\\nb;md5\n|md5 " M "  x\n|");
	LIST("MD5 (a,md5,b) = " M "\n", "md5 MD5 (a,md5,b) = " M "\n|");
	LIST(M "|/a,md5,b|1\n" M2 "|/c|2\n", "md5 " M "|/a,md5,b|1\n|md5 " M2 "|/c|2\n|");
	LIST("0|/a,md5,b|1\n" M "|/c|2\n", "none|md5 " M "|/c|2\n|");
	LIST("MD5\t" M "\n" M "\n", "bad 1|md5 " M "\n|");
	LIST(S2 S2 "  x,md5\n" M "\n", "bad 1|md5 " M "\n|");
	/* A field that is named as its column is no head either, unless the whole line is it. */
	LIST("name,md5\n" M ",md5\nname,md5\nx," M "\nx,md5\n", "bad 2|md5 x," M "\n|bad 5|");
}

static void csv_records_may_have_line_breaks(void **state)
{
	(void)state;
	LIST("name,md5\n\"two\nlines\"," M "\nx," M "\n",
	     "md5 \"two\nlines\"," M "\n|md5 x," M "\n|");
	/* A stray quote costs its own record, not the rest. */
	LIST("name,md5\n\"open," M "\na," M "\nb," M "\n", "bad 2|md5 a," M "\n|md5 b," M "\n|");
	/* Neither do two, which seem to be one field: where the second closes no field ends. */
	LIST("md5,name\n" M ",\"abc\n" S1 ",x\n" M2 ",\"x\n" M ",y\n",
	     "md5 " M ",\"abc\n|bad 3|md5 " M2 ",\"x\n|md5 " M ",y\n|");
	LIST("md5,name\r\n" M ",\"a\" b\r\n" M2 ",\"two\r\nlines\"\r\n",
	     "md5 " M ",\"a\" b\r\n|md5 " M2 ",\"two\r\nlines\"\r\n|");
}

static void nsrl_text_with_its_quotes(void **state)
{
	(void)state;
	LIST("\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\","
	     "\"OpSystemCode\",\"SpecialCode\"\r\n"
	     "\"" S1 "\",\"" M "\",\"00000000\",\"a\"b,c\",0,1,\"WIN\",\"\"\r\n"
	     "\"" S1 "\",\"" M "\",\"00000000\",\"\"\"x,0,1,\"WIN\",\"\"\r\n",
	     "sha1 \"" S1 "\",\"" M "\",\"00000000\",\"a\"b,c\",0,1,\"WIN\",\"\"\r\n|"
	     "sha1 \"" S1 "\",\"" M "\",\"00000000\",\"\"\"x,0,1,\"WIN\",\"\"\r\n|");
}

static void json_lines_by_path(void **state)
{
	(void)state;
	LIST("{\"sha256\":\"" S2 "\",\"md5\":\"" M "\"}\n",
	     "s256 {\"sha256\":\"" S2 "\",\"md5\":\"" M "\"}\n|");
	LIST("{ \"hashes\" : { \"SHA-256\" : \"" S2 "\" } }\n",
	     "s256 { \"hashes\" : { \"SHA-256\" : \"" S2 "\" } }\n|");
	LIST("{\"file\":{\"name\":\"x\",\"hash\":{\"sha1\":\"" S1 "\"}}}\n",
	     "sha1 {\"file\":{\"name\":\"x\",\"hash\":{\"sha1\":\"" S1 "\"}}}\n|");
	LIST("{\"a\":[{\"sha256\":\"" S2 "\"},1e5,true,null],\"b\":\"\\\"}\",\"md5\":\"" M "\"}\n",
	     "md5 {\"a\":[{\"sha256\":\"" S2 "\"},1e5,true,null],\"b\":\"\\\"}\",\"md5\":\"" M
	     "\"}\n|");
	LIST("{\"Hashes\":{\"SHA256\":\"" S2 "\"}}\n",
	     "s256 {\"Hashes\":{\"SHA256\":\"" S2 "\"}}\n|");
	LIST("{\"parent\":{\"sha256\":\"" S2 "\"}}\n", "none|");
	LIST("{\"sha256\":\"" S2 "\"\n{}\n{\"sha256\":\"zz\"}\n", "bad 1|none|bad 3|");
}

static void bodyfiles(void **state)
{
	(void)state;
	LIST(M "|/a|1|r/rrw|0|0|3|0|0|0|0\n0|/dir|2|d/d|0|0|0|0|0|0|0\n",
	     "md5 " M "|/a|1|r/rrw|0|0|3|0|0|0|0\n|none|");
}

static void dfxml_objects(void **state)
{
	(void)state;
	LIST("<?xml version='1.0'?>\n<dfxml>\n <fileobject>\n  <filename>a</filename>\n"
	     "  <hashdigest type='MD5'>" M "</hashdigest>\n  <hashdigest type=\"sha256\">" S2
	     "</hashdigest>\n </fileobject>\n "
	     "<fileobject><filename>d</filename></fileobject>\n</dfxml>\n",
	     "s256  <fileobject>\n  <filename>a</filename>\n  <hashdigest type='MD5'>" M
	     "</hashdigest>\n  <hashdigest type=\"sha256\">" S2
	     "</hashdigest>\n </fileobject>\n|none|");
	/* Hashes of pieces are not those of the file. Several objects on a line. */
	LIST("<dfxml><fileobject><byte_runs><byte_run offset='0'><hashdigest type='md5'>" M2
	     "</hashdigest></byte_run></byte_runs><hashdigest type='md5'>" M
	     "</hashdigest></fileobject><fileobject><hashdigest type='sha1'>" S1
	     "</hashdigest></fileobject></dfxml>",
	     "md5 <fileobject><byte_runs><byte_run offset='0'><hashdigest type='md5'>" M2
	     "</hashdigest></byte_run></byte_runs><hashdigest type='md5'>" M
	     "</hashdigest></fileobject>|sha1 <fileobject><hashdigest type='sha1'>" S1
	     "</hashdigest></fileobject>|");
	LIST("<dfxml>\n<fileobject><hashdigest type='md5'>" M "</hashdigest>\n", "bad 2|");
	/* Tags may have a prefix, and blanks at their end. */
	LIST("<d:dfxml xmlns:d='x'>\n<d:fileobject >\n<d:hashdigest type='md5'>" M
	     "</d:hashdigest></d:fileobject >\n</d:dfxml>\n",
	     "md5 <d:fileobject >\n<d:hashdigest type='md5'>" M
	     "</d:hashdigest></d:fileobject >\n|");
	LIST("<?xml version='1.0'?>\n<fileobjects/><x a='d:fileobject'/>\n", "");
}

static void a_line_over_the_limit_is_bad_and_bounded(void **state)
{
	size_t n = 3 * (size_t)KITH_LIMIT_LINE + 100;
	char *text = malloc(n + sizeof M + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	text[n] = '\n';
	memcpy(text + n + 1, M, sizeof M - 1);
	assert_string_equal(list(text, n + sizeof M), "bad 1|md5 " M "|");
	free(text);
}

static void utf16_is_refused_with_words(void **state)
{
	struct kith_list_reader reader;
	struct kith_entry entry;
	struct kith_err err = {.status = KITH_OK};
	FILE *file = begin(&reader,
			   "\xff\xfe"
			   "d\0",
			   4);

	(void)state;
	assert_int_equal(kith_list_reader_next(&reader, &entry, &err), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "UTF-16"));
	end(&reader, file);
}

static void operands(void **state)
{
	struct kith_entry entry;

	(void)state;
	memset(&entry, 0, sizeof entry);
	kith_hash_parse(M2, 32, &entry);
	assert_int_equal(entry.kind, KITH_ENTRY_HASH);
	assert_int_equal(entry.digest, KITH_MD5);
	assert_int_equal(entry.bytes[0], 0x01);
	assert_int_equal(entry.bytes[15], 0xef);
	kith_hash_parse(M2, 31, &entry);
	assert_int_equal(entry.kind, KITH_ENTRY_BAD);
	assert_non_null(strstr(entry.reason, "31 hex digits"));
	kith_hash_parse("g", 1, &entry);
	assert_int_equal(entry.kind, KITH_ENTRY_BAD);
	kith_hash_parse("", 0, &entry);
	assert_int_equal(entry.kind, KITH_ENTRY_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bare_hashes_of_any_kind_and_case),
	    cmocka_unit_test(lines_of_sha256sum_and_its_like),
	    cmocka_unit_test(what_is_no_hash_is_bad_and_the_list_goes_on),
	    cmocka_unit_test(hashdeep_takes_the_strongest),
	    cmocka_unit_test(csv_with_a_head),
	    cmocka_unit_test(a_line_with_a_hash_is_no_head),
	    cmocka_unit_test(csv_records_may_have_line_breaks),
	    cmocka_unit_test(nsrl_text_with_its_quotes),
	    cmocka_unit_test(json_lines_by_path),
	    cmocka_unit_test(bodyfiles),
	    cmocka_unit_test(dfxml_objects),
	    cmocka_unit_test(a_line_over_the_limit_is_bad_and_bounded),
	    cmocka_unit_test(utf16_is_refused_with_words),
	    cmocka_unit_test(operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
