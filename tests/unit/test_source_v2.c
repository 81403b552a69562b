/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of NSRL RDS v2 and v1 text releases: its rows, and whole releases in a folder. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "source_fixture.h"
#include "sources/nsrl_v2.h"

#define A40 "0000001FFEF4BE312BAB534ECA7AEAA3E4684D85"
#define B40 "0000004DA6391F7F5D2F7FCCF36CEBDA60C6EA02"
#define A32 "344428FA4BA313712E4CA9B16D089AC4"
#define B32 "0E53C14A3E48D94FF596A2824307B492"
#define HEADER_2                                                                                  \
	"\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\",\"OpSystemCode\"," \
	"\"SpecialCode\"\r\n"
#define HEADER_1                                                                                \
	"\"SHA-1\",\"FileName\",\"FileSize\",\"ProductCode\",\"OpSystemCode\",\"MD4\",\"MD5\"," \
	"\"CRC32\",\"SpecialCode\"\r\n"
#define HEAD "\"" A40 "\",\"" A32 "\",\"7516A25F\","

static struct kith_bytes bytes(const char *text)
{
	return (struct kith_bytes){(const uint8_t *)text, strlen(text)};
}

static void assert_bytes(struct kith_bytes got, const char *want)
{
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.data, want, got.n);
}

static void rows_are_taken_apart_from_both_ends(void **state)
{
	static const struct {
		const char *line, *name, *size, *product, *system, *special;
	} cases[] = {
	    {HEAD "\".text._ZN\",33,219181,\"362\",\"\"", ".text._ZN", "33", "219181", "362", ""},
	    {HEAD "\"a,b\",1,2,\"3\",\"M\"", "a,b", "1", "2", "3", "M"},
	    {HEAD "\"a\",\"b\",1,2,\"WIN\",\"\"", "a\",\"b", "1", "2", "WIN", ""},
	    {HEAD "\"say \"\"hi\"\"\",1,2,\"3\",\"\"", "say \"\"hi\"\"", "1", "2", "3", ""},
	    {HEAD "\"\",1,2,\"3\",\"\"", "", "1", "2", "3", ""},
	    {HEAD "\"    ___\",0,7828,\"OS8\",\"\"", "    ___", "0", "7828", "OS8", ""},
	    {A40 "," A32 ",0,plain name,1,2,3,", "plain name", "1", "2", "3", ""},
	    {A40 "," A32 ",0,with,comma,1,2,3,", "with,comma", "1", "2", "3", ""},
	};
	struct v2_row row;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(v2_parse_row(bytes(cases[i].line), V2_LAYOUT_2, &row));
		assert_bytes(row.sha1, A40);
		assert_bytes(row.md5, A32);
		assert_bytes(row.name, cases[i].name);
		assert_bytes(row.size, cases[i].size);
		assert_bytes(row.product, cases[i].product);
		assert_bytes(row.system, cases[i].system);
		assert_bytes(row.special, cases[i].special);
	}
}

static void rows_that_are_cut_off_are_malformed(void **state)
{
	static const char line[] = HEAD "\"name\",33,219181,\"362\",\"\"";
	struct v2_row row;
	size_t n;

	(void)state;
	/* cut off behind the last comma it has all but an empty special code, as rows without
	 * quotes do */
	for (n = 0; n < sizeof line - 1; n++)
		assert_int_equal(
		    v2_parse_row((struct kith_bytes){(const uint8_t *)line, n}, V2_LAYOUT_2, &row),
		    n == sizeof line - 3);
}

static void headers_tell_the_layout(void **state)
{
	(void)state;
	assert_int_equal(v2_header(bytes(HEADER_2)), V2_LAYOUT_2);
	assert_int_equal(v2_header(bytes(HEADER_1)), V2_LAYOUT_1);
	assert_int_equal(v2_header(bytes("\xef\xbb\xbf" HEADER_2)), V2_LAYOUT_2);
	assert_int_equal(v2_header(bytes(HEAD)), V2_LAYOUT_NONE);
	assert_int_equal(v2_header(bytes("")), V2_LAYOUT_NONE);
	assert_int_equal(v2_header(bytes("\"SHA-1\"")), V2_LAYOUT_NONE);
}

static void write_text(struct source_fixture *f, const char *name, const char *text)
{
	source_write(f, name, text, strlen(text));
}

/* The small files of a release; codes are texts, and repeat. */
static void write_tables(struct source_fixture *f)
{
	write_text(f, "input/NSRLMFG.TXT",
		   "\"MfgCode\",\"MfgName\"\r\n\"SYM\",\"Sym, Inc\"\r\n"
		   "\"675\",\"Novell\"\r\n");
	write_text(f, "input/nsrlos.txt",
		   "\"OpSystemCode\",\"OpSystemName\",\"OpSystemVersion\",\"MfgCode\"\r\n"
		   "\"WIN\",\"Windows\",\"98\",\"675\"\r\n\"WIN\",\"Windows\",\"98\",\"1\"\r\n"
		   "\"362\",\"TBD\",\"none\",\"1006\"\r\n");
	write_text(
	    f, "input/NSRLProd.txt",
	    "\"ProductCode\",\"ProductName\",\"ProductVersion\",\"OpSystemCode\",\"MfgCode\","
	    "\"Language\",\"ApplicationType\"\r\n"
	    "7,\"Gold, \"Key\"\",\"1.0\",\"WIN\",\"SYM\",\"English,French\",\"Business\"\r\n"
	    "7,\"Gold, \"Key\"\",\"1.0\",\"362\",\"675\",\"German\",\"Business\"\r\n"
	    "8,\"Eight\",\"8\",\"none\",\"none\",\"\",\"\"\r\n"
	    "broken line\r\n");
	write_text(f, "input/Version.txt",
		   "\"" A40 "\",\"2001/03/08 0.2\"\r\n\"" B40 "\",\"2002/05/06 1.3\"\r\n");
}

static void build(struct source_fixture *f)
{
	if (source_build(f, f->input, false) < 0)
		fail_msg("%s", f->err.msg);
}

static void release_in_a_folder_is_read(void **state)
{
	struct source_fixture *f = *state;
	struct kith_source source;
	struct kith_file file;
	char text[1024];

	assert_int_equal(mkdir(f->input, 0700), 0);
	write_tables(f);
	write_text(f, "input/NSRLFile.txt",
		   HEADER_2 HEAD "\"say \"\"hi\"\", you\",33,7,\"362\",\"\"\r\n" HEADER_2 HEAD
				 "\"other\",33,4711,\"362\",\"M\"\r\n"
				 "\"" B40 "\",\"123\",\"\",\"b\",-1,8,\"WIN\",\"\"\r\n"
				 "\"12\",\"" B32 "\",\"\",\"short\",1,8,\"WIN\",\"\"\r\n"
				 "nonsense\r\n");
	build(f);
	assert_int_equal(f->result.files, 0);
	assert_int_equal(f->result.sha1_only, 2);
	assert_int_equal(source_count(f, A40, "7 > say \"hi\", you"), 1);
	assert_int_equal(source_count(f, A40, "4711 > other"), 1);
	assert_true(source_find(f, B40, &file));
	assert_null(file.md5);
	assert_int_equal(file.flags & KITH_FILE_HAS_SIZE, 0);
	assert_int_equal(source_product(f, "7", 0, text, sizeof text), 1);
	assert_string_equal(text, "Gold, \"Key\"|1.0|Novell,Sym, Inc|TBD none,Windows 98|"
				  "English,French,German|Business|");
	assert_int_equal(source_product(f, "8", 0, text, sizeof text), 1);
	assert_string_equal(text, "Eight|8|||||");
	assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "header lines inside the file"), 1);
	assert_int_equal(
	    source_ledger(f, KITH_LEDGER_COUNT, "special code M: malicious, says the source"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_SKIPPED, "bad sha1, and no sha256"), 1);
	/* one in NSRLProd, one in NSRLFile */
	assert_int_equal(source_ledger(f, KITH_LEDGER_SKIPPED, "malformed row"), 2);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "package without a product"), 1);
	assert_int_equal(kith_source(f->reader, 0, &source), KITH_OK);
	assert_bytes(source.id, "nsrl-v2/unnamed/1.3");
	assert_bytes(source.date, "2002-05-06");
}

static void version_1_has_its_columns_elsewhere(void **state)
{
	struct source_fixture *f = *state;
	struct kith_file file;

	assert_int_equal(mkdir(f->input, 0700), 0);
	write_tables(f);
	write_text(f, "input/NSRLFile.txt",
		   HEADER_1 "\"" A40 "\",\"a,b.exe\",33,7,\"WIN\",\"\",\"" A32 "\",\"\",\"\"\r\n");
	build(f);
	assert_true(source_find(f, A40, &file));
	assert_non_null(file.md5);
	assert_int_equal(file.size_bytes, 33);
	assert_int_equal(source_count(f, A40, "7 > a,b.exe"), 1);
}

static void missing_tables_cost_only_what_they_hold(void **state)
{
	struct source_fixture *f = *state;

	assert_int_equal(mkdir(f->input, 0700), 0);
	write_text(f, "input/NSRLFile.txt", HEADER_2 HEAD "\"a\",33,7,\"362\",\"\"");
	build(f);
	assert_int_equal(source_count(f, A40, "7 > a"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_FAILED, "table missing"), 3);
}

static void cut_off_text_ends_the_build_unless_told_to_go_on(void **state)
{
	struct source_fixture *f = *state;

	assert_int_equal(mkdir(f->input, 0700), 0);
	write_text(f, "input/NSRLFile.txt",
		   HEADER_2 HEAD "\"a\",33,7,\"362\",\"\"\r\n" HEAD "\"b\",33,7,\"3");
	assert_int_equal(source_build(f, f->input, false), KITH_E_CORRUPT);
	assert_non_null(strstr(f->err.msg, "line 3"));
	assert_non_null(strstr(f->err.msg, f->input));
	assert_int_equal(source_build(f, f->input, true), KITH_OK);
	assert_int_equal(f->result.occurrences, 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_FAILED, "damaged or cut off"), 1);
}

/* Half a name is no name. */
static void cut_off_table_ends_the_build_unless_told_to_go_on(void **state)
{
	static const struct {
		const char *name, *text, *message;
	} cases[] = {
	    {"input/NSRLMFG.TXT", "\"MfgCode\",\"MfgName\"\r\n\"675\",\"Nov",
	     "NSRLMfg.txt: cut off"},
	    {"input/nsrlos.txt",
	     "\"OpSystemCode\",\"OpSystemName\",\"OpSystemVersion\",\"MfgCode\"\r\n"
	     "\"WIN\",\"Windows\",\"98\",\"67",
	     "NSRLOS.txt: cut off in line 2"},
	    {"input/NSRLProd.txt",
	     "\"ProductCode\",\"ProductName\",\"ProductVersion\",\"OpSystemCode\",\"MfgCode\","
	     "\"Language\",\"ApplicationType\"\r\n7,\"Gold\",\"1.0\",\"WIN\",\"SYM\",\"Eng",
	     "NSRLProd.txt: cut off in line 2"},
	};
	struct source_fixture *f = *state;
	char text[1024];
	size_t i;

	assert_int_equal(mkdir(f->input, 0700), 0);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_tables(f);
		write_text(f, "input/NSRLFile.txt", HEADER_2 HEAD "\"a\",33,7,\"362\",\"\"\r\n");
		write_text(f, cases[i].name, cases[i].text);
		assert_int_equal(source_build(f, f->input, false), KITH_E_CORRUPT);
		assert_non_null(strstr(f->err.msg, cases[i].message));
		assert_int_equal(source_build(f, f->input, true), KITH_OK);
		assert_int_equal(source_count(f, A40, "7 > a"), 1);
		assert_int_equal(source_ledger(f, KITH_LEDGER_FAILED, "damaged or cut off"), 1);
		if (source_product(f, "7", 0, text, sizeof text) > 0)
			assert_null(strstr(text, "Nov|"));
	}
}

static void text_that_is_no_release_is_refused(void **state)
{
	struct source_fixture *f = *state;

	assert_int_equal(mkdir(f->input, 0700), 0);
	assert_int_equal(source_build(f, f->input, false), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(f->err.msg, "without NSRLFile.txt"));
	write_text(f, "input/NSRLFile.txt", "");
	assert_int_equal(source_build(f, f->input, false), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(f->err.msg, "empty"));
	write_text(f, "input/NSRLFile.txt", "hello\n");
	assert_int_equal(source_build(f, f->input, false), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(f->err.msg, "no header"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, source_setup, source_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_taken_apart_from_both_ends),
	    cmocka_unit_test(rows_that_are_cut_off_are_malformed),
	    cmocka_unit_test(headers_tell_the_layout),
	    TEST(release_in_a_folder_is_read),
	    TEST(version_1_has_its_columns_elsewhere),
	    TEST(missing_tables_cost_only_what_they_hold),
	    TEST(cut_off_text_ends_the_build_unless_told_to_go_on),
	    TEST(cut_off_table_ends_the_build_unless_told_to_go_on),
	    TEST(text_that_is_no_release_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
