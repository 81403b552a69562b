/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of NSRL RDS v3 databases, with databases that are made here from the published
 * schemas. What must come out is written down row by row; nothing is taken from the reader.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "source_fixture.h"

/* Digests that only have to differ. */
#define A64 "00000000000000000000000000000000000000000000000000000000000000A1"
#define B64 "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFB2"
#define C64 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC3"
#define A40 "00000000000000000000000000000000000000A1"
#define B40 "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFB2"
#define A32 "000000000000000000000000000000A1"
#define B32 "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFB2"

#define MINIMAL_TABLES                                                                        \
	"CREATE TABLE MFG (manufacturer_id INTEGER NOT NULL, name VARCHAR NOT NULL,"          \
	" CONSTRAINT PK_MFG__MFG_ID PRIMARY KEY (manufacturer_id));"                          \
	"CREATE TABLE OS (operating_system_id INTEGER, name VARCHAR NOT NULL,"                \
	" version VARCHAR NOT NULL, manufacturer_id INTEGER NOT NULL,"                        \
	" CONSTRAINT PK_OS__OS_ID PRIMARY KEY (operating_system_id, manufacturer_id));"       \
	"CREATE TABLE PKG (package_id INTEGER NOT NULL, name VARCHAR NOT NULL,"               \
	" version VARCHAR NOT NULL, operating_system_id INTEGER, manufacturer_id INTEGER,"    \
	" language VARCHAR NOT NULL, application_type VARCHAR NOT NULL,"                      \
	" CONSTRAINT PK_PGK__PKG_ID PRIMARY KEY (package_id, operating_system_id,"            \
	" manufacturer_id, language, application_type));"                                     \
	"CREATE TABLE VERSION (version VARCHAR UNIQUE NOT NULL, build_set VARCHAR NOT NULL,"  \
	" build_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,"                           \
	" release_date TIMESTAMP NOT NULL, description VARCHAR NOT NULL,"                     \
	" CONSTRAINT PK_VERSION__VERSION PRIMARY KEY (version));"                             \
	"INSERT INTO VERSION VALUES('2025.12.1','modern','x','2025-12-01 00:00:00','old');"   \
	"INSERT INTO VERSION VALUES('2026.03.1','modern','x','2026-03-01 00:00:00','new');"   \
	"INSERT INTO MFG VALUES(10,'Ten Inc'),(11,'Eleven Ltd'),(99,'Maker of systems');"     \
	"INSERT INTO OS VALUES(1,'Windows','11',99),(1,'Windows','11',98),(2,'TBD','',99);"   \
	"INSERT INTO PKG VALUES(5,'Suite','1.0',1,10,'English','Office'),"                    \
	"(5,'Suite','1.0',2,11,'German','Office'),(5,'Other','',NULL,NULL,'English','Game')," \
	"(6,'Six','6',7,77,'English','Office');"

#define FILE_WITH_CRC32                                                                            \
	"CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL," \
	" crc32 VARCHAR NOT NULL, file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL,"         \
	" package_id INTEGER NOT NULL, CONSTRAINT PK_FILE__FILE PRIMARY KEY"                       \
	" (sha256, sha1, md5, crc32, file_name, file_size, package_id));"
#define FILE_WITHOUT_CRC32                                                                         \
	"CREATE TABLE FILE (sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, md5 VARCHAR NOT NULL," \
	" file_name VARCHAR NOT NULL, file_size INTEGER NOT NULL, package_id INTEGER NOT NULL,"    \
	" CONSTRAINT PK_FILE__FILE PRIMARY KEY (sha256, sha1, md5, file_name, file_size,"          \
	" package_id));"
#define FILE_LOOSE /* no index, nothing declared */ \
	"CREATE TABLE FILE (sha256, sha1, md5, file_name, file_size, package_id);"
#define INSERT "INSERT INTO FILE(sha256,sha1,md5,file_name,file_size,package_id) VALUES"

static void make_db(const struct source_fixture *f, const char *const *parts)
{
	sqlite3 *db = NULL;
	char *text = NULL;

	(void)remove(f->input);
	assert_int_equal(sqlite3_open(f->input, &db), SQLITE_OK);
	for (; *parts != NULL; parts++) {
		if (sqlite3_exec(db, *parts, NULL, NULL, &text) != SQLITE_OK)
			fail_msg("%s", text);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
#define MAKE(f, ...) make_db(f, (const char *const[]){__VA_ARGS__, NULL})

static void build(struct source_fixture *f)
{
	if (source_build(f, f->input, false) < 0)
		fail_msg("%s", f->err.msg);
}

/* ---------------------------------------------------------------- minimal */

static void minimal_set_gives_names_products_and_claims(void **state)
{
	struct source_fixture *f = *state;
	struct kith_source source;
	struct kith_file file;
	char text[1024];

	MAKE(f, FILE_WITH_CRC32 MINIMAL_TABLES,
	     "INSERT INTO FILE VALUES('" A64 "','" A40 "','" A32
	     "','00000000','a, \"b\".exe',33,5),"
	     "('" A64 "','" A40 "','" A32 "','00000000','second',33,6),"
	     "('" B64 "','" B40 "','" B32 "','00000000','b',5000000000,5)");
	build(f);
	assert_int_equal(f->result.files, 2);
	assert_int_equal(source_count(f, A64, "5 > a, \"b\".exe"), 1);
	assert_int_equal(source_count(f, A64, "6 > second"), 1);
	assert_true(source_find(f, B64, &file));
	assert_true(file.size_bytes == UINT64_C(5000000000));
	assert_int_equal(file.n_occurrences, 1);
	/* all rows of a package count, and those that agree in name and version are one product */
	assert_int_equal(source_product(f, "5", 0, text, sizeof text), 2);
	assert_string_equal(text, "Other||||English|Game|");
	(void)source_product(f, "5", 1, text, sizeof text);
	assert_string_equal(text,
			    "Suite|1.0|Eleven Ltd,Ten Inc|TBD,Windows 11|English,German|Office|");
	/* neither its system nor its manufacturer has a row */
	assert_int_equal(source_product(f, "6", 0, text, sizeof text), 1);
	assert_string_equal(text, "Six|6|||English|Office|");
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "manufacturer without a row"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "operating system without a row"), 1);
	/* of two releases in VERSION the newer one */
	assert_int_equal(kith_source(f->reader, 0, &source), KITH_OK);
	assert_int_equal(source.id.n, strlen("nsrl/modern/2026.03.1"));
	assert_memory_equal(source.id.data, "nsrl/modern/2026.03.1", source.id.n);
	assert_int_equal(source.date.n, 10);
	assert_memory_equal(source.date.data, "2026-03-01", 10);
	assert_int_equal(source.evidence, KITH_REFERENCE);
}

static void both_schemas_of_minimal_give_the_same_set(void **state)
{
	struct source_fixture *f = *state;
	uint8_t id[32];

	MAKE(f, FILE_WITH_CRC32 MINIMAL_TABLES,
	     "INSERT INTO FILE VALUES('" A64 "','" A40 "','" A32 "','0','a',33,5)");
	build(f);
	memcpy(id, f->result.id, sizeof id);
	MAKE(f, FILE_WITHOUT_CRC32 MINIMAL_TABLES,
	     INSERT "('" A64 "','" A40 "','" A32 "','a',33,5)");
	build(f);
	assert_memory_equal(id, f->result.id, sizeof id);
}

static void bad_values_are_skipped_or_dropped_and_counted(void **state)
{
	struct source_fixture *f = *state;
	struct kith_file file;

	MAKE(f, FILE_LOOSE MINIMAL_TABLES,
	     INSERT "('123','" A40 "','" A32 "','short',1,5),"
		    "(NULL,'" A40 "','" A32 "','null',1,5),"
		    "(x'" A64 "','" A40 "','" A32 "','blob',1,5),"
		    "(17,'" A40 "','" A32 "','number',1,5),"
		    "('" A64 "','zz','" A32 "','a',1,5),"
		    "('" B64 "','" B40 "',NULL,'b',-1,5),"
		    "('" C64 "','" B40 "','" B32 "','c','many',5),"
		    "('" C64 "','" B40 "','" B32 "',NULL,1,5),"
		    "('" C64 "','" B40 "','" B32 "','orphan',1,4711),"
		    "('" C64 "','" B40 "','" B32 "','lost',1,NULL)");
	build(f);
	assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "rows read"), 10);
	assert_int_equal(source_ledger(f, KITH_LEDGER_SKIPPED, "bad sha256"), 4);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "bad sha1: kept without"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "bad md5: kept without"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "bad size: kept without"), 2);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "no file name"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "package without a product"), 1);
	assert_int_equal(
	    source_ledger(f, KITH_LEDGER_MARKED, "bad package id: kept without product"), 1);
	assert_true(source_find(f, A64, &file));
	assert_null(file.sha1);
	assert_non_null(file.md5);
	assert_true(source_find(f, B64, &file));
	assert_null(file.md5);
	assert_int_equal(file.flags & KITH_FILE_HAS_SIZE, 0);
	assert_int_equal(source_count(f, C64, "5 > "), 1);
	assert_int_equal(source_count(f, C64, "4711 > orphan"), 1);
	assert_int_equal(source_count(f, C64, "lost"), 1);
}

static void names_are_bytes(void **state)
{
	struct source_fixture *f = *state;
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	struct kith_bytes name;
	struct kith_file file;

	MAKE(f, FILE_WITHOUT_CRC32 MINIMAL_TABLES,
	     INSERT "('" A64 "','" A40 "','" A32 "',CAST(x'61000A0DFF22' AS TEXT),1,5)");
	build(f);
	assert_true(source_find(f, A64, &file));
	assert_int_equal(kith_occurrences(&file, &iter), KITH_OK);
	assert_int_equal(kith_occurrence_next(&iter, &occurrence), KITH_OK);
	assert_int_equal(kith_name(f->reader, occurrence.name, &name), KITH_OK);
	assert_int_equal(name.n, 6);
	assert_memory_equal(name.data, "a\0\n\r\xff\"", 6);
}

/* Many rows divide by hash. Whatever stands in the column belongs to exactly one part. */
static void no_row_falls_between_the_shards(void **state)
{
	struct source_fixture *f = *state;

	MAKE(
	    f,
	    "CREATE TABLE FILE (sha256 VARCHAR, sha1, md5, file_name, file_size, package_id);"
	    "CREATE INDEX i ON FILE(sha256);" MINIMAL_TABLES,
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) "
	    "INSERT INTO FILE SELECT printf('%s%060d', CASE i % 3 WHEN 0 THEN printf('%04x', i * 3)"
	    " ELSE printf('%04X', i * 3) END, i), NULL, NULL, 'n' || i, i, 5 FROM n",
	    INSERT
	    "(NULL,'','','',0,5),('','','','',0,5),('zz','','','',0,5),('~','','','',0,5),"
	    "(x'00','','','',0,5),(x'FFFF','','','',0,5),('0','','','',0,5),"
	    "('FFFF','','','',0,5),('ffff','','','',0,5),('G','','','',0,5),(' ','','','',0,5)");
	build(f);
	assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "rows read"), 20011);
	assert_int_equal(source_ledger(f, KITH_LEDGER_SKIPPED, "bad sha256"), 11);
	assert_int_equal(f->result.files, 20000);
	assert_int_equal(f->result.occurrences, 20000);
}

/* ------------------------------------------------------------------- full */

#define FULL_TABLES                                                                              \
	"CREATE TABLE PACKAGE_OBJECT(package_object_id INTEGER UNIQUE NOT NULL,"                 \
	" package_id INTEGER NOT NULL, object_id INTEGER UNIQUE NOT NULL,"                       \
	" PRIMARY KEY(package_object_id));"                                                      \
	"CREATE TABLE APPLICATION(application_id INTEGER PRIMARY KEY, package_id INTEGER NOT "   \
	"NULL,"                                                                                  \
	" name VARCHAR DEFAULT '' NOT NULL, version VARCHAR DEFAULT '');"                        \
	"CREATE TABLE APPLICATION_TYPE(application_type_id INTEGER PRIMARY KEY, description);"   \
	"CREATE TABLE APPLICATION_APPLICATION_TYPE(application_application_type_id INTEGER"      \
	" PRIMARY KEY, application_id INTEGER, application_type_id INTEGER);"                    \
	"CREATE TABLE LANGUAGE(language_id INTEGER PRIMARY KEY, name VARCHAR);"                  \
	"CREATE TABLE APPLICATION_LANGUAGE(application_language_id INTEGER PRIMARY KEY,"         \
	" language_id INTEGER, application_id INTEGER);"                                         \
	"CREATE TABLE OPERATING_SYSTEM(operating_system_id INTEGER PRIMARY KEY, name, version);" \
	"CREATE TABLE OPERATING_SYSTEM_APPLICATION(operating_system_application_id INTEGER"      \
	" PRIMARY KEY, operating_system_id INTEGER, application_id INTEGER);"                    \
	"CREATE TABLE MANUFACTURER(manufacturer_id INTEGER PRIMARY KEY, name, url);"             \
	"CREATE TABLE MANUFACTURER_APPLICATION(manufacturer_application_id INTEGER PRIMARY KEY," \
	" manufacturer_id INTEGER, application_id INTEGER);"                                     \
	"CREATE TABLE VERSION(version, build_set, build_date, release_date, description);"       \
	"CREATE TABLE METADATA(metadata_id NUMERIC UNIQUE NOT NULL, object_id INTEGER,"          \
	" path VARCHAR NOT NULL, file_name VARCHAR NOT NULL, extension VARCHAR DEFAULT '' NOT "  \
	"NULL,"                                                                                  \
	" bytes INTEGER NOT NULL, recursion_level INTEGER, extractee_id INTEGER DEFAULT 0,"      \
	" crc32 VARCHAR NOT NULL, md5 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL,"                  \
	" sha256 VARCHAR NOT NULL, PRIMARY KEY(metadata_id));"                                   \
	"INSERT INTO VERSION VALUES('2026.03.1','legacy','x','2026-03-01','');"                  \
	"INSERT INTO PACKAGE_OBJECT VALUES(1,5,50),(2,7,70);"                                    \
	"INSERT INTO APPLICATION VALUES(1,5,'Suite','1.0'),(2,5,'Suite','1.0'),(3,5,'Bare','');" \
	"INSERT INTO LANGUAGE VALUES(1,'English');"                                              \
	"INSERT INTO APPLICATION_LANGUAGE VALUES(1,1,1);"                                        \
	"INSERT INTO APPLICATION_TYPE VALUES(1,'Office');"                                       \
	"INSERT INTO APPLICATION_APPLICATION_TYPE VALUES(1,2,1);"                                \
	"INSERT INTO OPERATING_SYSTEM VALUES(1,'Windows','11');"                                 \
	"INSERT INTO OPERATING_SYSTEM_APPLICATION VALUES(1,1,1);"                                \
	"INSERT INTO MANUFACTURER VALUES(10,'Ten "                                               \
	"Inc','https://ten.example/'),(11,'Eleven','n/a');"                                      \
	"INSERT INTO MANUFACTURER_APPLICATION VALUES(1,10,1),(2,11,2);"
#define META                                                                                      \
	"INSERT INTO METADATA(metadata_id,object_id,path,file_name,extension,bytes,extractee_id," \
	"crc32,md5,sha1,sha256) VALUES"
#define DIGESTS(x) "'','" x##32 "','" x##40 "','" x##64 "')"

static void full_set_joins_its_link_tables(void **state)
{
	struct source_fixture *f = *state;
	char text[1024];

	MAKE(f, FULL_TABLES, META "(1,50,'','a','exe',1,0," DIGESTS(A));
	build(f);
	assert_int_equal(source_product(f, "5", 0, text, sizeof text), 2);
	/* without language and type it would not be in the view PKG */
	assert_string_equal(text, "Bare||||||");
	(void)source_product(f, "5", 1, text, sizeof text);
	assert_string_equal(
	    text, "Suite|1.0|Eleven,Ten Inc|Windows 11|English|Office|https://ten.example/");
	assert_int_equal(source_count(f, A64, "5 > a.exe"), 1);
	/* package 7 has objects and no application: a place without products */
	assert_int_equal(source_product(f, "7", 0, text, sizeof text), 0);
}

static void full_set_keeps_containers_and_paths(void **state)
{
	struct source_fixture *f = *state;

	MAKE(f, FULL_TABLES, META "(1,50,'setup','disk','iso',9,0,'','','','')",
	     META "(2,50,'pool/','data','tar.gz',9,1,'','','','')",
	     META "(3,50,'usr/bin','ls','',9,2," DIGESTS(A),
	     META "(4,50,'','top','',9,NULL," DIGESTS(B),
	     META "(5,999,'x','no package','',9,0," DIGESTS(B),
	     META "(6,70,'','no product','',9,0," DIGESTS(B),
	     META "(7,50,'','no container','',9,12345," DIGESTS(B));
	build(f);
	assert_int_equal(
	    source_count(f, A64, "5 > setup/disk.iso > pool/data.tar.gz > usr/bin > ls"), 1);
	assert_int_equal(source_count(f, B64, "5 > top"), 1);
	assert_int_equal(source_count(f, B64, "x > no package"), 1);
	assert_int_equal(source_count(f, B64, "7 > no product"), 1);
	assert_int_equal(source_count(f, B64, "5 > no container"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "container not found"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, "package without a product"), 1);
	assert_int_equal(
	    source_ledger(f, KITH_LEDGER_MARKED, "object without a package: kept without product"),
	    1);
}

/* Most tables are read without SQLite; of those that are not stored as they are handed over it
 * makes the same rows. */
static void tables_of_every_kind_give_the_same_rows(void **state)
{
#define OTHER(before, bytes)                                                             \
	"DROP TABLE METADATA; CREATE TABLE METADATA(" before "object_id, path VARCHAR, " \
	"file_name, bytes " bytes ", extractee_id, crc32, md5, sha1, sha256);"
#define OLD_ROW                                                                         \
	"INSERT INTO METADATA(metadata_id,object_id,path,file_name,bytes,extractee_id," \
	"crc32,md5,sha1,sha256) VALUES(1,50,'','a',1,0," DIGESTS(A)
	static const char *const kinds[] = {
	    OTHER("metadata_id UNIQUE, ", ""),
	    OTHER("metadata_id INTEGER PRIMARY KEY, ", ""),
	    OTHER("metadata_id PRIMARY KEY, ", "REAL"),
	    OTHER("metadata_id UNIQUE, x AS (bytes + 1), ", "INTEGER"),
	};
	struct source_fixture *f = *state;
	struct kith_file file;
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		MAKE(f, FULL_TABLES, kinds[i], OLD_ROW,
		     "ALTER TABLE METADATA ADD COLUMN extension DEFAULT 'ext'",
		     META "(2,50,'','b','',2,1," DIGESTS(B));
		build(f);
		assert_int_equal(f->result.occurrences, 2);
		assert_int_equal(source_count(f, A64, "5 > a.ext"), 1);
		assert_int_equal(source_count(f, B64, "5 > a.ext > b"), 1);
		assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "rows read"), 2);
		assert_true(source_find(f, B64, &file));
		/* a size that is no integer counts as bad */
		assert_true(file.size_bytes == (i == 2 ? 0 : 2));
	}
}

static void container_chains_end(void **state)
{
	static const char deep[] = "container chain too deep or a loop: kept without";
	struct source_fixture *f = *state;

	/* 1 contains itself, 2 and 3 each other; 101 .. 300 is a chain, deeper and deeper */
	MAKE(
	    f, FULL_TABLES, META "(1,50,'','self','',9,1," DIGESTS(A),
	    META "(2,50,'','two','',9,3," DIGESTS(A), META "(3,50,'','three','',9,2," DIGESTS(A),
	    "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 299) "
	    "INSERT INTO METADATA(metadata_id,object_id,path,file_name,bytes,extractee_id,crc32,"
	    "md5,sha1,sha256) SELECT i, 50, '', 'n' || i, 9, CASE i WHEN 100 THEN 0 ELSE i - 1 END,"
	    "'','" B32 "','" B40 "','" B64 "' FROM n ORDER BY (i * 37) % 200");
	build(f);
	assert_int_equal(source_count(f, A64, "5 > self"), 1);
	assert_int_equal(source_count(f, A64, "5 > two"), 1);
	assert_int_equal(source_count(f, A64, "5 > three"), 1);
	assert_int_equal(source_count(f, B64, "5 > n100 > n101 > n102 > n103"), 1);
	/* 60 containers are kept; file i has i - 100 of them above */
	assert_int_equal(source_count(f, B64, "5 > n160"), 0);
	assert_int_equal(source_count(f, B64, "5 > n161"), 1);
	assert_int_equal(source_ledger(f, KITH_LEDGER_MARKED, deep), 3 + 299 - 160);
}

/* ----------------------------------------------------------------- refusal */

static void what_is_no_release_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *sql, *message;
	} cases[] = {
	    {"CREATE TABLE t(a)", "no table METADATA or FILE"},
	    {"CREATE VIEW FILE AS SELECT 1 AS sha256", "no table METADATA or FILE"},
	    {FILE_WITH_CRC32, "no table PKG"},
	    {"CREATE TABLE FILE(sha256, sha1, file_name, file_size, package_id);" MINIMAL_TABLES,
	     "no column 'md5' in table FILE"},
	    {FILE_WITH_CRC32 MINIMAL_TABLES "DELETE FROM VERSION", "table VERSION is empty"},
	};
	struct source_fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		MAKE(f, cases[i].sql);
		assert_int_equal(source_build(f, f->input, false), KITH_E_UNSUPPORTED);
		assert_non_null(strstr(f->err.msg, cases[i].message));
		assert_non_null(strstr(f->err.msg, f->input));
	}
}

/* Makes a database of 30,000 rows and cuts it off; quarters: what is left. more: bytes of the page
 * behind. */
static void make_cut_off(struct source_fixture *f, size_t quarters, size_t more)
{
	static char data[8 << 20];
	FILE *file;
	size_t n;

	/* digests spread as they do in a release: many that begin alike take long to index */
	MAKE(
	    f, FULL_TABLES,
	    "WITH RECURSIVE n(i, s) AS (SELECT 1, '9E3779B1' UNION ALL "
	    "SELECT i + 1, printf('%08X', (i + 1) * 2654435761 & 4294967295) FROM n "
	    "WHERE i < 30000) "
	    "INSERT INTO METADATA(metadata_id,object_id,path,file_name,bytes,crc32,md5,sha1,sha256)"
	    " SELECT i, 50, '', 'n' || i, 9, '', s || printf('%024d', i), s || printf('%032d', i), "
	    "s || printf('%056d', i) FROM n");
	file = fopen(f->input, "rb");
	assert_non_null(file);
	n = fread(data, 1, sizeof data, file);
	assert_int_equal(fclose(file), 0);
	assert_true(n > 4096 && n < sizeof data);
	source_write(f, "input", data, n / 4096 * quarters / 4 * 4096 + more);
}

static void cut_off_database_ends_the_build_unless_told_to_go_on(void **state)
{
	struct source_fixture *f = *state;

	make_cut_off(f, 3, 0);
	assert_int_equal(source_build(f, f->input, false), KITH_E_CORRUPT);
	assert_non_null(strstr(f->err.msg, "damaged database"));
	assert_int_equal(source_build(f, f->input, true), KITH_OK);
	assert_in_range(f->result.files, 10000, 29999);
	assert_true(source_ledger(f, KITH_LEDGER_FAILED, "damaged database") > 0);
}

/* What leads to the first pages of a table is written when it has a few hundred. */
static void rows_are_kept_when_the_way_to_them_is_cut_off(void **state)
{
	struct source_fixture *f = *state;
	uint64_t files;

	make_cut_off(f, 1, 0);
	assert_int_equal(source_build(f, f->input, true), KITH_OK);
	files = f->result.files;
	assert_in_range(files, 30000 / 5, 30000 / 4);
	assert_int_equal(f->result.occurrences, files);
	assert_int_equal(source_ledger(f, KITH_LEDGER_FAILED, "database cut off"), 1);
	/* a part of a page makes no row: it is no page */
	make_cut_off(f, 1, 3500);
	assert_int_equal(source_build(f, f->input, true), KITH_OK);
	assert_int_equal(f->result.files, files);
	assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "rows read"), files);
}

/* The pages of the input of a type (13: leaf of a table, 10: of an index) that have a text, in the
 * order of the file. They are valid until the next call. */
static int find_pages(struct source_fixture *f, uint8_t type, const char *text, uint8_t **pages,
		      int most, uint8_t **ret, size_t *ret_n)
{
	static uint8_t data[8 << 20];
	FILE *file = fopen(f->input, "rb");
	size_t at;
	int n = 0;

	assert_non_null(file);
	*ret_n = fread(data, 1, sizeof data, file);
	assert_int_equal(fclose(file), 0);
	for (at = 4096; at < *ret_n && n < most; at += 4096)
		if (data[at] == type && memmem(data + at, 4096, text, strlen(text)) != NULL)
			pages[n++] = data + at;
	*ret = data;
	return n;
}

/* Exchanges two leaves of METADATA, where rows are in the order of the file, too; counted from the
 * end when they are negative. Returns how many there are. */
static int exchange_leaves(struct source_fixture *f, int a, int b)
{
	static uint8_t page[4096];
	uint8_t *leaves[2048], *data;
	size_t n;
	int n_leaves = find_pages(f, 13, "0000000000000000000", leaves, 2048, &data, &n);

	a += a < 0 ? n_leaves : 0;
	b += b < 0 ? n_leaves : 0;
	assert_true(a >= 0 && b > a && b < n_leaves);
	memcpy(page, leaves[a], sizeof page);
	memcpy(leaves[a], leaves[b], sizeof page);
	memcpy(leaves[b], page, sizeof page);
	source_write(f, "input", data, n);
	return n_leaves;
}

/* SQLite finds nothing wrong with that. */
static void exchanged_leaves_are_damage_and_cost_nothing_that_is_there(void **state)
{
	static const int pairs[][2] = {{0, 1}, {0, -1}, {0, 500}, {13, 900}, {-2, -1}};
	struct source_fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		make_cut_off(f, 4, 0);
		assert_true(exchange_leaves(f, pairs[i][0], pairs[i][1]) > 1000);
		assert_int_equal(source_build(f, f->input, false), KITH_E_CORRUPT);
		assert_non_null(strstr(f->err.msg, "damaged database: "));
		assert_non_null(strstr(f->err.msg, "table METADATA"));
		assert_int_equal(source_build(f, f->input, true), KITH_OK);
		assert_true(source_ledger(f, KITH_LEDGER_FAILED, "damaged database") > 0);
		assert_int_equal(f->result.files, 30000);
		assert_int_equal(f->result.occurrences, 30000);
		assert_int_equal(source_ledger(f, KITH_LEDGER_COUNT, "rows read"), 30000);
	}
}

#define NUMBERS "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3999) "

/* A page of the tables of products costs what is on it. */
static void a_damaged_page_of_products_costs_only_those_on_it(void **state)
{
	static const struct {
		bool full;
		uint8_t type; /* of the page */
		const char *text;
		int lost_least, lost_most; /* of 3,000 packages */
	} cases[] = {
	    {false, 13, "a package", 10, 200},
	    {false, 10, "English", 0, 0},
	    {true, 13, "a package", 10, 200},
	    {true, 13, "a maker", 0, 0},
	};
	struct source_fixture *f = *state;
	size_t i, n;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t *pages[64], *data;
		char place[16], text[256];
		int k, lost = 0, nameless = 0;

		if (cases[i].full)
			MAKE(f, FULL_TABLES, META "(1,50,'','a','exe',1,0," DIGESTS(A),
			     NUMBERS "INSERT INTO APPLICATION SELECT i, i, 'a package', '' FROM n",
			     NUMBERS "INSERT INTO MANUFACTURER SELECT i, 'a maker', '' FROM n",
			     NUMBERS "INSERT INTO MANUFACTURER_APPLICATION SELECT i, i, i FROM n");
		else
			MAKE(f, FILE_LOOSE MINIMAL_TABLES,
			     "INSERT INTO FILE VALUES('" A64 "','" A40 "','" A32 "','a',1,5)",
			     NUMBERS "INSERT INTO PKG SELECT i, 'a package', '', NULL, 10, "
				     "'English', 'Office' FROM n");
		assert_in_range(find_pages(f, cases[i].type, cases[i].text, pages, 64, &data, &n),
				8, 64);
		memset(pages[4], 0, 4096);
		source_write(f, "input", data, n);
		assert_int_equal(source_build(f, f->input, false), KITH_E_CORRUPT);
		assert_int_equal(source_build(f, f->input, true), KITH_OK);
		for (k = 1000; k < 4000; k++) {
			(void)snprintf(place, sizeof place, "%d", k);
			if (source_product(f, place, 0, text, sizeof text) == 0)
				lost++;
			else if (strncmp(text, "a package||", 11) != 0 || text[11] == '|')
				nameless++;
		}
		assert_in_range(lost, cases[i].lost_least, cases[i].lost_most);
		/* who lost its maker */
		if (strcmp(cases[i].text, "a maker") == 0)
			assert_in_range(nameless, 10, 300);
		else
			assert_int_equal(nameless, 0);
		assert_int_equal(source_ledger(f, KITH_LEDGER_FAILED, "damaged database"),
				 cases[i].type == 13 ? 1 : 0);
	}
}

static void keep_going_changes_nothing_of_a_whole_database(void **state)
{
	struct source_fixture *f = *state;
	uint8_t id[32];

	make_cut_off(f, 4, 0);
	build(f);
	memcpy(id, f->result.id, sizeof id);
	assert_int_equal(source_build(f, f->input, true), KITH_OK);
	assert_memory_equal(id, f->result.id, sizeof id);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, source_setup, source_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(minimal_set_gives_names_products_and_claims),
	    TEST(both_schemas_of_minimal_give_the_same_set),
	    TEST(bad_values_are_skipped_or_dropped_and_counted),
	    TEST(names_are_bytes),
	    TEST(no_row_falls_between_the_shards),
	    TEST(full_set_joins_its_link_tables),
	    TEST(full_set_keeps_containers_and_paths),
	    TEST(tables_of_every_kind_give_the_same_rows),
	    TEST(container_chains_end),
	    TEST(what_is_no_release_is_refused_with_a_sentence),
	    TEST(cut_off_database_ends_the_build_unless_told_to_go_on),
	    TEST(rows_are_kept_when_the_way_to_them_is_cut_off),
	    TEST(exchanged_leaves_are_damage_and_cost_nothing_that_is_there),
	    TEST(a_damaged_page_of_products_costs_only_those_on_it),
	    TEST(keep_going_changes_nothing_of_a_whole_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
