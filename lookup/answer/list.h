/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h: finds the hashes in a list, whatever tool wrote it.
 *
 * Recognised: a bare hash on a line; `HASH  name` and `HASH *name` (sha256sum, also with its
 * leading backslash); BSD tags `SHA256 (name) = HASH`; hashdeep; CSV (comma, semicolon or tab)
 * whose header has a column sha256, sha1 or md5, NSRLFile.txt among them; JSON lines with sha256,
 * hashes.sha256 or file.hash.sha256 (or sha1, md5; in any case); bodyfile `MD5|name|...`; DFXML.
 * The first lines decide about the formats that have a head; the others are told line by line.
 * Where an entry has several hashes, the strongest is taken: SHA-256, then SHA-1, then MD5.
 *
 * An *entry* is what stands for one file: a line, a CSV record (that may have line breaks in
 * quotes), or a <fileobject> of DFXML. Its bytes are kept, so that it can be passed through
 * unchanged. Memory is bounded by KITH_LIMIT_LINE per entry.
 */
#ifndef KITH_ANSWER_LIST_H
#define KITH_ANSWER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kith.h"

enum kith_list_format {
	KITH_LIST_PLAIN, /* told line by line */
	KITH_LIST_HASHDEEP,
	KITH_LIST_CSV,
	KITH_LIST_NSRL, /* CSV whose names may have unbalanced quotes */
	KITH_LIST_DFXML
};

/* What was found in an entry. */
enum kith_entry_kind {
	KITH_ENTRY_HASH,   /* look it up */
	KITH_ENTRY_NONE,   /* a head, a comment, an empty line: asks for nothing */
	KITH_ENTRY_NOHASH, /* stands for a file, but its hash was not taken: "0" in a bodyfile */
	KITH_ENTRY_BAD     /* reason says what is wrong */
};

struct kith_entry {
	enum kith_entry_kind kind;
	enum kith_digest digest;
	uint8_t bytes[KITH_SHA256_SIZE];
	const uint8_t *text; /* the hash as it stands in the list; valid as long as raw */
	size_t text_n;
	const uint8_t *raw; /* the whole entry with its line ends; valid until the next call */
	size_t raw_n;
	uint64_t line; /* number of its first line, from 1 */
	char reason[112];
};

#define KITH_LIST_COLUMNS 1024 /* columns of a CSV head that are looked at */

struct kith_list_reader {
	struct kith_lines lines;
	enum kith_list_format format;
	bool begun;               /* the first line with anything on it was seen */
	bool after_magic;         /* hashdeep: its second line is to come */
	uint8_t delimiter;        /* of CSV */
	int column[KITH_DIGESTS]; /* of CSV, from 0; -1: none */
	struct kith_buf head;     /* of CSV, to know it again */
	struct kith_buf entry;    /* an entry of several lines */
	/* Bytes that were read too far and come before those of `lines`. */
	struct kith_buf rest;
	size_t rest_pos;
	uint64_t rest_line; /* number of the line at rest_pos */
	uint64_t lost_line; /* behind rest comes this line, which was too long; 0: none */
	bool rest_split;    /* records in rest end with their line, quote open or not */
};

void kith_list_reader_init(struct kith_list_reader *reader, int fd);
void kith_list_reader_done(struct kith_list_reader *reader); /* does not close fd */

/* KITH_OK with an entry, KITH_END, or a negative status: the input cannot be read. */
enum kith_status kith_list_reader_next(struct kith_list_reader *reader, struct kith_entry *ret,
				       struct kith_err *err);

/*
 * A hash as an operand: exactly 32, 40 or 64 hex digits. Sets kind HASH with digest and bytes, or
 * BAD with a reason.
 */
void kith_hash_parse(const void *text, size_t n, struct kith_entry *ret);

/* One line of a list whose format is told line by line: everything above but what has a head. The
 * entry's text leads into the line; line and raw are not set. */
void kith_list_line(const void *text, size_t n, struct kith_entry *ret);

/* ---- below: list_json.c, for list.c and its tests ---- */

/*
 * Finds the hashes in one JSON object. found[kind] is the text of the string at one of the known
 * paths, with n 0 where there is none. False when it is not a JSON object.
 */
bool kith_list_json(const uint8_t *text, size_t n, struct kith_bytes found[KITH_DIGESTS]);

/* list_csv.c: splits a record. Moves *pos behind the field and its delimiter; false: no more. */
bool kith_csv_next(const uint8_t **pos, const uint8_t *end, uint8_t delimiter,
		   struct kith_bytes *ret_field);
enum kith_csv_quotes {
	KITH_CSV_CLOSED,
	KITH_CSV_OPEN, /* in a quoted field at the end: the record goes on in the next line */
	KITH_CSV_STRAY /* a quote closes where no field ends: some quote before is a mere character
			*/
};
enum kith_csv_quotes kith_csv_quotes(const uint8_t *text, size_t n, uint8_t delimiter);
/* "sha256", "SHA-256", "Sha_256" ...: the kind; KITH_DIGESTS when it is none. */
unsigned kith_list_column(struct kith_bytes name);

/* list_dfxml.c: the strongest hash of a <fileobject>, not of a part of it. */
/* The '<' of the first tag with that name ("/x" closes), whatever its prefix; NULL: none. */
const uint8_t *kith_dfxml_find(const uint8_t *p, size_t n, const char *name);
bool kith_list_dfxml(const uint8_t *text, size_t n, struct kith_bytes found[KITH_DIGESTS]);

#endif
