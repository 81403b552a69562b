/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds.h: the inside of mkrds, the generator of invented NSRL releases.
 *
 * A release is a pure function of (seed, rows, packages, rows per file): the model makes the same
 * files, names, packages and manufacturers whatever kind of release is written, so that a full, a
 * minimal and a v2 release of one seed describe the same thing and answers can be compared.
 *
 *   mkrds_known.c   digests of real small contents (empty, one byte repeated, the samples)
 *   mkrds_text.c    names, paths, products, companies, as functions of numbers
 *   mkrds_model.c   packages and the walk over the rows
 *   mkrds_sql.c     the published schemas
 *   mkrds_v3.c      writes RDS v3, full and minimal
 *   mkrds_v2.c      writes RDS v2 text
 */
#ifndef KITH_MKRDS_H
#define KITH_MKRDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rds_kind { RDS_FULL, RDS_MINIMAL, RDS_V2 };

struct rds_options {
	enum rds_kind kind;
	uint64_t rows;
	uint64_t seed;
	uint32_t packages;    /* 0: rows / 10000, at least 5 */
	double rows_per_file; /* rows that share one content, on average; 1: every row a new one */
	bool crc32;           /* the FILE table or view has a column crc32 */
	bool nullable;        /* the older minimal schema: ids may be NULL, and some are */
	bool hostile;         /* malformed rows at the end */
	const char *set;      /* "modern" */
	const char *release;  /* "2026.03.1" */
	const char *out;
};

/* --------------------------------------------------------------- chance */

/* What a number is used for, so that uses do not depend on each other. */
enum rds_tag {
	RDS_TAG_DIGEST = 1,
	RDS_TAG_SIZE,
	RDS_TAG_NAME,
	RDS_TAG_ROW,
	RDS_TAG_PATH,
	RDS_TAG_PACKAGE,
	RDS_TAG_TIME,
	RDS_TAG_HOSTILE
};

/* splitmix64's finalizer: a fixed scramble of 64 bits. */
uint64_t rds_mix(uint64_t x);

/* --------------------------------------------------------------- digests */

struct rds_digests {
	uint8_t sha256[32], sha1[20], md5[16], crc32[4];
	uint64_t size;
};

/* Real contents, so that `trivial` and the samples can be tested: the first file numbers. */
struct rds_known {
	const char *sha256, *sha1, *md5, *crc32; /* hex */
	uint64_t size;
};
#define RDS_FILE_EMPTY  0u
#define RDS_FILE_HELLO  1u
#define RDS_FILE_EDITOR 2u
extern const struct rds_known rds_known_files[];
extern const uint32_t rds_n_known_files;

/* Writes 2n hex digits, no terminator. */
void rds_hex(char *out, const uint8_t *bytes, size_t n, bool upper);

/* ------------------------------------------------------------------ text */

struct rds_text {
	size_t n;
	char s[1024];
};

/* Numbers of names: below RDS_NAME_ARCHIVES from the pool, from there names of containers, from
 * RDS_NAME_FIXED those of the samples. */
#define RDS_NAME_ARCHIVES 0x80000000u
#define RDS_NAME_FIXED    0xffffff00u
#define RDS_NAME_EDITOR   (RDS_NAME_FIXED + 0u)
#define RDS_NAME_HELLO    (RDS_NAME_FIXED + 1u)
#define RDS_NAME_SETUP    (RDS_NAME_FIXED + 2u)
#define RDS_NAME_WELCOME  (RDS_NAME_FIXED + 3u)

/* odd: one name of `odd` is of each nasty kind; there are 20 kinds. */
void rds_name_text(uint64_t seed, uint32_t odd, uint32_t name, struct rds_text *ret);
#define RDS_PATH_NONE   UINT32_MAX        /* the empty path */
#define RDS_PATH_EDITOR (UINT32_MAX - 1u) /* of the samples */
void rds_path_text(uint64_t seed, uint32_t path, struct rds_text *ret);
void rds_company_text(uint32_t company, struct rds_text *ret);
/* Empty for a company without a web site. */
void rds_company_url(uint32_t company, struct rds_text *ret);
void rds_product_text(uint64_t seed, uint32_t product, struct rds_text *ret_name,
		      struct rds_text *ret_version);

struct rds_os {
	const char *name, *version;
	uint32_t companies[2]; /* numbers; equal: there is one */
};
extern const struct rds_os rds_systems[];
extern const uint32_t rds_n_systems;
extern const char *const rds_languages[];
extern const uint32_t rds_n_languages;
extern const char *const rds_types[];
extern const uint32_t rds_n_types;

/* ----------------------------------------------------------------- model */

#define RDS_LINKS 3 /* most systems, companies, ... of one application */
struct rds_links {
	uint32_t n;
	uint32_t id[RDS_LINKS];
};

/* An application: its systems x companies x languages x types are the PKG rows. */
struct rds_application {
	struct rds_text name, version;
	struct rds_links systems, companies, languages, types;
};

struct rds_package {
	uint64_t first_row;
	uint32_t first_object, n_objects;
	uint32_t n_applications; /* 0: files without a PKG row */
};

struct rds_release {
	struct rds_options opt;
	uint32_t n_packages, n_objects, n_companies;
	uint32_t name_pool, path_pool, odd;
	bool realistic;               /* a large release: odd things are as rare as in real ones */
	struct rds_package *packages; /* n_packages + 1; the last ends the one before */
};

#define RDS_COMPANY_UNKNOWN 1u /* its name is a placeholder */

bool rds_release_init(struct rds_release *rel, const struct rds_options *opt);
void rds_release_done(struct rds_release *rel);

uint32_t rds_package_id(uint32_t package);
uint32_t rds_company_id(uint32_t company);
uint32_t rds_system_id(uint32_t system);
uint32_t rds_object_id(uint32_t object);
void rds_application(const struct rds_release *rel, uint32_t package, uint32_t nth,
		     struct rds_application *ret);
void rds_file_digests(const struct rds_release *rel, uint32_t file, struct rds_digests *ret);

struct rds_row {
	uint64_t number;    /* from 0; metadata_id is this + 1 */
	uint64_t container; /* number of the row that it was extracted from, when level > 0 */
	uint32_t package, object, file, name;
	uint32_t path;
	uint32_t level;
};

#define RDS_DEPTH 5
struct rds_walk {
	const struct rds_release *rel;
	uint64_t next;
	uint32_t package, object;
	uint32_t n_files; /* file numbers given out so far */
	uint32_t level;
	struct {
		uint64_t container, left;
		uint32_t path, folder_left;
	} stack[RDS_DEPTH];
};

void rds_walk_init(struct rds_walk *walk, const struct rds_release *rel);
/* False at the end. */
bool rds_walk_next(struct rds_walk *walk, struct rds_row *ret);

/* Minimal and v2 rows: what remains of a row without its place. Sorted, each once. */
struct rds_short {
	uint64_t prefix; /* of the digest that it is sorted by */
	uint32_t file, name, package;
};
/* NULL: out of memory. sha1: sort by SHA-1, otherwise by SHA-256. Free it with free(). */
struct rds_short *rds_short_rows(const struct rds_release *rel, bool sha1, uint64_t *ret_n);

/* --------------------------------------------------------------- writers */

/* Malformed rows, by number: what is wrong with each. */
enum rds_hostile {
	RDS_BAD_SHA256_SHORT,
	RDS_BAD_SHA256_TEXT,
	RDS_BAD_SHA1,
	RDS_BAD_MD5,
	RDS_BAD_SIZE_NEGATIVE,
	RDS_BAD_SIZE_TEXT,
	RDS_BAD_OBJECT,    /* full: an object that no package has; minimal, v2: such a package */
	RDS_BAD_SELF,      /* full: extracted from itself */
	RDS_BAD_EXTRACTEE, /* full: extracted from a row that does not exist */
	RDS_BAD_KINDS
};
#define RDS_HOSTILE_FILE 0xfe000000u /* file numbers of malformed rows begin here */
uint32_t rds_n_hostile(const struct rds_release *rel);

/* Print what went wrong themselves. */
bool rds_write_v3(const struct rds_release *rel);
bool rds_write_v2(const struct rds_release *rel);

extern const char rds_sql_full_applications[], rds_sql_full_files[], rds_sql_full_views[];
extern const char rds_sql_minimal[], rds_sql_minimal_nullable[], rds_sql_minimal_plain[],
    rds_sql_minimal_nullable_crc32[];
extern const char rds_sql_file_view_crc32[], rds_sql_file_view[];

#endif
