/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"

/* A CSV record may go on for so many lines; behind that the quote is taken for a stray one, so
 * that it cannot swallow the rest of the list. */
#define RECORD_LINES 64u

#define MAGIC_HASHDEEP "%%%% HASHDEEP-"
#define OBJECT         "fileobject"

KITH_PRINTF(2, 3) static void bad(struct kith_entry *entry, const char *fmt, ...)
{
	va_list args;

	entry->kind = KITH_ENTRY_BAD;
	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.*): it is set */
	(void)vsnprintf(entry->reason, sizeof entry->reason, fmt, args);
	va_end(args);
}

static struct kith_bytes trim(struct kith_bytes t)
{
	while (t.n > 0 && (t.data[t.n - 1] == ' ' || t.data[t.n - 1] == '\t' ||
			   t.data[t.n - 1] == '\r' || t.data[t.n - 1] == '\n'))
		t.n--;
	while (t.n > 0 && (*t.data == ' ' || *t.data == '\t')) {
		t.data++;
		t.n--;
	}
	return t;
}

static bool starts(struct kith_bytes t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.n >= n && memcmp(t.data, prefix, n) == 0;
}

static const uint8_t *find(const uint8_t *p, size_t n, const char *what)
{
	size_t len = strlen(what);
	const uint8_t *end = p + n;

	while ((size_t)(end - p) >= len) {
		p = memchr(p, what[0], (size_t)(end - p) - len + 1);
		if (p == NULL || memcmp(p, what, len) == 0)
			return p;
		p++;
	}
	return NULL;
}

/* ----------------------------------------------------------------- a hash */

static bool kind_of_length(size_t digits, enum kith_digest *ret)
{
	switch (digits) {
	case 2 * KITH_SHA256_SIZE: *ret = KITH_SHA256; return true;
	case 2 * KITH_SHA1_SIZE: *ret = KITH_SHA1; return true;
	case 2 * KITH_MD5_SIZE: *ret = KITH_MD5; return true;
	default: return false;
	}
}

/* text has `digits` hex digits and then something that may follow a hash. */
static void set_hash(struct kith_entry *entry, const uint8_t *text, size_t digits)
{
	if (!kind_of_length(digits, &entry->digest)) {
		bad(entry, "%zu hex digit%s; a hash has 32 (MD5), 40 (SHA-1) or 64 (SHA-256)",
		    digits, digits == 1 ? "" : "s");
		return;
	}
	entry->kind = KITH_ENTRY_HASH;
	entry->text = text;
	entry->text_n = digits;
	(void)kith_hex_decode((const char *)text, entry->bytes, digits / 2);
}

void kith_hash_parse(const void *text, size_t n, struct kith_entry *ret)
{
	size_t digits = kith_hex_span(text, n);

	if (n == 0)
		bad(ret, "empty, not a hash");
	else if (digits < n)
		bad(ret, "not a hash");
	else
		set_hash(ret, text, digits);
}

/* The strongest of what an entry has. */
static void choose(struct kith_entry *entry, const struct kith_bytes found[KITH_DIGESTS])
{
	unsigned kind;

	entry->kind = KITH_ENTRY_NOHASH;
	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		struct kith_bytes t = trim(found[kind]);

		if (t.n == 0 || (t.n == 1 && (*t.data == '-' || *t.data == '0')))
			continue;
		kith_hash_parse(t.data, t.n, entry);
		if (entry->kind == KITH_ENTRY_HASH && (unsigned)entry->digest != kind)
			bad(entry, "%zu hex digits in a field for hashes of %zu", t.n,
			    2 * kith_digest_size((enum kith_digest)kind));
		return;
	}
}

/* ------------------------------------------------------ formats by line */

/* "SHA256 (name) = HASH"; false when it is not of this form. */
static bool parse_tag(struct kith_bytes t, struct kith_entry *entry)
{
	static const char *const names[] = {"MD5",    "SHA1",    "SHA-1",
					    "SHA256", "SHA-256", "SHA2-256"};
	const uint8_t *p = NULL, *q;
	size_t i, digits;

	for (q = find(t.data, t.n, ") = "); q != NULL;
	     q = find(q + 1, (size_t)(t.data + t.n - q) - 1, ") = "))
		p = q;
	if (p == NULL || find(t.data, t.n, " (") == NULL)
		return false;
	p += 4;
	digits = (size_t)(t.data + t.n - p);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);

		if (!starts(t, names[i]) || t.n < n + 2 || t.data[n] != ' ' || t.data[n + 1] != '(')
			continue;
		kith_hash_parse(p, digits, entry);
		return true;
	}
	bad(entry, "a tag that is not MD5, SHA1 or SHA256");
	return true;
}

static void parse_plain(struct kith_bytes line, struct kith_entry *entry)
{
	struct kith_bytes t = trim(line), found[KITH_DIGESTS];
	size_t digits;

	if (t.n == 0 || *t.data == '#')
		return;
	if (*t.data == '{') {
		if (kith_list_json(t.data, t.n, found))
			choose(entry, found);
		else
			bad(entry, "not a JSON object");
		return;
	}
	if (starts(t, "0|") || starts(t, "|")) { /* bodyfile, hash not taken */
		entry->kind = KITH_ENTRY_NOHASH;
		return;
	}
	if (t.n > 1 && (*t.data == '\\' || *t.data == '"')) { /* escaped name; quoted field */
		t.data++;
		t.n--;
	}
	digits = kith_hex_span((const char *)t.data, t.n);
	if (digits > 0 && (digits == t.n || memchr(" \t,;|\"", t.data[digits], 6) != NULL))
		set_hash(entry, t.data, digits);
	else if (!parse_tag(t, entry))
		bad(entry, "not a hash");
}

void kith_list_line(const void *text, size_t n, struct kith_entry *ret)
{
	struct kith_bytes line = {text, n};

	memset(ret, 0, sizeof *ret);
	ret->kind = KITH_ENTRY_NONE;
	parse_plain(line, ret);
}

static void parse_fields(const struct kith_list_reader *reader, struct kith_bytes line,
			 struct kith_entry *entry)
{
	struct kith_bytes found[KITH_DIGESTS], field, t = trim(line);
	const uint8_t *pos = line.data;
	bool there = false;
	unsigned kind;
	int i;

	if (t.n == 0 || *t.data == '#')
		return;
	/* Lists that were put one behind the other have their head again. */
	if (t.n == reader->head.n && memcmp(t.data, reader->head.data, t.n) == 0)
		return;
	memset(found, 0, sizeof found);
	for (i = 0; kith_csv_next(&pos, line.data + line.n, reader->delimiter, &field); i++) {
		for (kind = 0; kind < KITH_DIGESTS; kind++) {
			if (reader->column[kind] != i)
				continue;
			there = true;
			found[kind] = field;
		}
	}
	if (!there)
		bad(entry, "no field in the column of the hash");
	else
		choose(entry, found);
}

/* ------------------------------------------------------------------ heads */

/* Looks for our columns in a head; false when there is none. */
static bool take_head(struct kith_list_reader *reader, struct kith_bytes head, uint8_t delimiter)
{
	const uint8_t *pos = head.data;
	struct kith_bytes field;
	bool any = false;
	int i;

	for (i = 0; i < KITH_DIGESTS; i++)
		reader->column[i] = -1;
	for (i = 0; i < KITH_LIST_COLUMNS; i++) {
		unsigned kind;

		if (!kith_csv_next(&pos, head.data + head.n, delimiter, &field))
			break;
		kind = kith_list_column(trim(field));
		if (kind == KITH_DIGESTS || reader->column[kind] >= 0)
			continue;
		reader->column[kind] = i;
		any = true;
	}
	reader->delimiter = delimiter;
	return any;
}

/*
 * A line with a hash is an entry, never a head: file names hold anything, "x,sha256" too. Longer
 * ones than ours, as of sha512sum, count as well.
 */
static bool has_hash(struct kith_bytes t)
{
	size_t i, digits;

	for (i = 0; i < t.n; i += digits + 1) {
		digits = kith_hex_span((const char *)t.data + i, t.n - i);
		if (digits >= 2 * (size_t)KITH_MD5_SIZE)
			return true;
	}
	return false;
}

/* The first line with anything on it: does it name the format? True when it asks for nothing. */
static bool detect(struct kith_list_reader *reader, struct kith_bytes line)
{
	static const uint8_t delimiters[] = {',', ';', '\t'};
	struct kith_bytes t = trim(line);
	size_t i;

	if (starts(t, "<?xml") || starts(t, "<!DOCTYPE dfxml") ||
	    kith_dfxml_find(line.data, line.n, "dfxml") == t.data ||
	    kith_dfxml_find(line.data, line.n, OBJECT) == t.data) {
		reader->format = KITH_LIST_DFXML;
		return false;
	}
	if (*t.data == '{' || *t.data == '<' || starts(t, "0|") || starts(t, "|") || has_hash(t))
		return false;
	for (i = 0; i < sizeof delimiters; i++) {
		if (!take_head(reader, t, delimiters[i]))
			continue;
		reader->format = starts(t, "\"SHA-1\",\"MD5\",\"CRC32\",") ||
					 starts(t, "\"SHA-1\",\"FileName\",")
				     ? KITH_LIST_NSRL
				     : KITH_LIST_CSV;
		(void)kith_buf_add(&reader->head, t.data, t.n);
		return true;
	}
	return false;
}

/* "%%%% ..." lines, wherever they stand. True when the line was one. */
static bool hashdeep_head(struct kith_list_reader *reader, struct kith_bytes line,
			  struct kith_entry *entry)
{
	struct kith_bytes t = trim(line);

	if (starts(t, MAGIC_HASHDEEP)) {
		reader->format = KITH_LIST_HASHDEEP;
		reader->after_magic = true;
		return true;
	}
	if (!reader->after_magic)
		return false;
	reader->after_magic = false;
	if (starts(t, "%%%% ")) {
		t.data += 5;
		t.n -= 5;
		if (take_head(reader, t, ','))
			return true;
	}
	reader->format = KITH_LIST_PLAIN;
	bad(entry, "expected hashdeep's '%%%%%%%% size,md5,...' line with sha256, sha1 or md5");
	return true;
}

/* ------------------------------------------------------------------ lines */

void kith_list_reader_init(struct kith_list_reader *reader, int fd)
{
	memset(reader, 0, sizeof *reader);
	kith_lines_init(&reader->lines, fd, KITH_LIMIT_LINE);
}

void kith_list_reader_done(struct kith_list_reader *reader)
{
	kith_lines_done(&reader->lines);
	kith_buf_done(&reader->head);
	kith_buf_done(&reader->entry);
	kith_buf_done(&reader->rest);
}

/* The next line with its LF, from rest or from the input. */
static enum kith_status next_line(struct kith_list_reader *reader, struct kith_bytes *ret,
				  uint64_t *ret_number, struct kith_err *err)
{
	enum kith_status st;
	bool had_lf = false;

	if (reader->rest_pos < reader->rest.n) {
		const uint8_t *p = reader->rest.data + reader->rest_pos;
		size_t n = reader->rest.n - reader->rest_pos;
		const uint8_t *lf = memchr(p, '\n', n);

		ret->data = p;
		ret->n = lf != NULL ? (size_t)(lf - p) + 1 : n;
		*ret_number = reader->rest_line;
		reader->rest_line += lf != NULL;
		reader->rest_pos += ret->n;
		return KITH_OK;
	}
	reader->rest_split = false;
	if (reader->lost_line != 0) {
		reader->lost_line = 0;
		*ret_number = reader->lines.number;
		return kith_fail(err, KITH_E_LIMIT, "line is too long");
	}
	st = kith_lines_next(&reader->lines, &ret->data, &ret->n, &had_lf, err);
	ret->n += had_lf ? 1 : 0;
	*ret_number = reader->lines.number;
	return st;
}

/* Puts bytes of reader->entry back to be read again. Only when rest is used up. */
static enum kith_status put_back(struct kith_list_reader *reader, size_t from, uint64_t line,
				 struct kith_err *err)
{
	reader->rest.n = 0;
	reader->rest_pos = 0;
	reader->rest_line = line;
	if (!kith_buf_add(&reader->rest, reader->entry.data + from, reader->entry.n - from))
		return kith_fail_nomem(err);
	reader->entry.n = from;
	return KITH_OK;
}

/*
 * A record whose quote is open at the end of the line: add lines until it is closed. Where that
 * does not come, or closes amid a field, the quote was a stray one: the record is its first line,
 * and the others are read again on their own.
 */
static enum kith_status join_record(struct kith_list_reader *reader, struct kith_bytes *line,
				    uint64_t number, struct kith_err *err)
{
	enum kith_csv_quotes quotes;
	unsigned lines = 1;
	size_t first = line->n;
	enum kith_status st = KITH_OK;

	reader->entry.n = 0;
	if (!kith_buf_add(&reader->entry, line->data, line->n))
		return kith_fail_nomem(err);
	while ((quotes = kith_csv_quotes(reader->entry.data, reader->entry.n, reader->delimiter)) !=
	       KITH_CSV_CLOSED) {
		struct kith_bytes more = {NULL, 0};
		uint64_t ignored = 0;

		if (quotes == KITH_CSV_STRAY && lines == 1)
			break;
		st = quotes == KITH_CSV_OPEN && lines < RECORD_LINES &&
			     reader->entry.n <= KITH_LIMIT_LINE
			 ? next_line(reader, &more, &ignored, NULL)
			 : KITH_END;
		if (st < 0 && st != KITH_E_LIMIT)
			return next_line(reader, &more, &ignored, err);
		if (st != KITH_OK) {
			if (st == KITH_E_LIMIT)
				reader->lost_line = ignored;
			st = put_back(reader, first, number + 1, err);
			reader->rest_split = true;
			break;
		}
		if (!kith_buf_add(&reader->entry, more.data, more.n))
			return kith_fail_nomem(err);
		lines++;
	}
	line->data = reader->entry.data;
	line->n = reader->entry.n;
	return st < 0 ? st : KITH_OK;
}

/* Behind the entry of an object: what is blank belongs to it, the rest is read again. */
static enum kith_status split_behind(struct kith_list_reader *reader, const uint8_t *behind,
				     size_t n, uint64_t number, struct kith_err *err)
{
	struct kith_bytes t = {behind, n};

	if (trim(t).n == 0)
		return kith_buf_add(&reader->entry, behind, n) ? KITH_OK : kith_fail_nomem(err);
	reader->rest_line = number;
	if (reader->rest_pos > 0 && behind + n == reader->rest.data + reader->rest_pos) {
		reader->rest_pos -= n; /* it came from there; copying would be quadratic */
		return KITH_OK;
	}
	reader->rest.n = 0;
	reader->rest_pos = 0;
	return kith_buf_add(&reader->rest, behind, n) ? KITH_OK : kith_fail_nomem(err);
}

/* Collects one <fileobject> from its first line on, to reader->entry. */
static enum kith_status join_object(struct kith_list_reader *reader, struct kith_bytes *line,
				    uint64_t number, struct kith_entry *entry, struct kith_err *err)
{
	struct kith_bytes found[KITH_DIGESTS], before, more;
	const uint8_t *p = kith_dfxml_find(line->data, line->n, OBJECT), *close;
	enum kith_status st;

	if (p == NULL)
		return KITH_OK; /* outside of all objects: asks for nothing */
	before.data = line->data;
	before.n = (size_t)(p - line->data);
	if (trim(before).n > 0) {
		line->data = p;
		line->n -= before.n;
	}
	reader->entry.n = 0;
	more = *line;
	for (;;) {
		/* The closing tag stands on one line, as every program writes it. */
		close = kith_dfxml_find(more.data, more.n, "/" OBJECT);
		if (close != NULL)
			close = memchr(close, '>', (size_t)(more.data + more.n - close));
		if (close != NULL)
			break;
		if (!kith_buf_add(&reader->entry, more.data, more.n))
			return kith_fail_nomem(err);
		if (reader->entry.n > KITH_LIMIT_LINE) {
			bad(entry, "a <fileobject> of more than %u bytes", KITH_LIMIT_LINE);
			return KITH_OK;
		}
		st = next_line(reader, &more, &number, err);
		if (st == KITH_END || st == KITH_E_LIMIT) {
			bad(entry, "a <fileobject> that does not end");
			return KITH_OK;
		}
		if (st < 0)
			return st;
	}
	close++;
	if (!kith_buf_add(&reader->entry, more.data, (size_t)(close - more.data)))
		return kith_fail_nomem(err);
	st = split_behind(reader, close, (size_t)(more.data + more.n - close), number, err);
	if (st < 0)
		return st;
	line->data = reader->entry.data;
	line->n = reader->entry.n;
	if (!kith_list_dfxml(line->data, line->n, found))
		memset(found, 0, sizeof found);
	choose(entry, found);
	return KITH_OK;
}

enum kith_status kith_list_reader_next(struct kith_list_reader *reader, struct kith_entry *ret,
				       struct kith_err *err)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
	struct kith_bytes raw = {NULL, 0}, line;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	ret->kind = KITH_ENTRY_NONE;
	st = next_line(reader, &raw, &ret->line, err);
	if (st == KITH_E_LIMIT) {
		bad(ret, "longer than %u bytes", KITH_LIMIT_LINE);
		reader->begun = true;
		return KITH_OK;
	}
	if (st != KITH_OK)
		return st;
	line = raw;
	if (ret->line == 1 && line.n >= 3 && memcmp(line.data, bom, 3) == 0) {
		line.data += 3;
		line.n -= 3;
	}
	if (ret->line == 1 && line.n >= 2 &&
	    (memcmp(line.data, "\xff\xfe", 2) == 0 || memcmp(line.data, "\xfe\xff", 2) == 0))
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "the list is UTF-16, expected ASCII or UTF-8");
	if (hashdeep_head(reader, line, ret)) {
		reader->begun = true;
	} else if (!reader->begun && trim(line).n > 0 && trim(line).data[0] != '#' &&
		   (reader->begun = true, detect(reader, line))) {
		if (reader->head.failed)
			return kith_fail_nomem(err);
	} else if (reader->format == KITH_LIST_DFXML) {
		st = join_object(reader, &line, ret->line, ret, err);
		raw = line;
	} else if (reader->format == KITH_LIST_PLAIN) {
		parse_plain(line, ret);
	} else {
		if (reader->format == KITH_LIST_CSV && !reader->rest_split &&
		    memchr(line.data, '"', line.n) != NULL) {
			st = join_record(reader, &line, ret->line, err);
			raw = line;
		}
		if (st == KITH_OK) {
			if (line.n > 0 && line.data[line.n - 1] == '\n')
				line.n--;
			parse_fields(reader, line, ret);
		}
	}
	ret->raw = raw.data;
	ret->raw_n = raw.n;
	return st;
}
