/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ar_members.c: both families of ar: SysV and GNU ("name/", and "/123" into the member "//") and
 * BSD ("#1/20": the name is the first 20 bytes of the data). Layout as in ar(5) of FreeBSD and in
 * the System V ABI, chapter 7.
 *
 * What must hold: each call moves on by a header at least, names are read where they lie and are
 * bounded, and a header that does not end as headers do is an error, not the end.
 */
#include "ar_members.h"

#include <string.h>

#include "base/err.h"
#include "base/limits.h"

#define MAGIC      "!<arch>\n"
#define MAGIC_N    ((size_t)8)
#define HEADER     ((size_t)60)
#define NAME_N     ((size_t)16)
#define SIZE_AT    ((size_t)48)
#define SIZE_N     ((size_t)10)
#define END_AT     ((size_t)58) /* "`\n" */
#define LONG_PIECE ((size_t)256)

enum kith_status kith_ar_open(struct kith_ar *ar, const struct kith_blob *blob,
			      struct kith_err *err)
{
	uint8_t magic[MAGIC_N];
	enum kith_status st;

	*ar = (struct kith_ar){.blob = blob, .at = MAGIC_N};
	if (blob->size < MAGIC_N)
		return kith_fail(err, KITH_E_CORRUPT, "too short for an ar archive");
	st = kith_blob_read(blob, 0, magic, sizeof magic, err);
	if (st >= 0 && memcmp(magic, MAGIC, MAGIC_N) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "not an ar archive");
	return st;
}

void kith_ar_done(struct kith_ar *ar)
{
	kith_buf_done(&ar->name);
}

/* Decimal digits, then spaces only; at most 15 digits. */
static bool number(const uint8_t *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && i < 15 && p[i] >= '0' && p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(p[i] - '0');
	if (i == 0)
		return false;
	*ret = v;
	for (; i < n; i++)
		if (p[i] != ' ')
			return false;
	return true;
}

static size_t trimmed(const uint8_t *p, size_t n, uint8_t fill)
{
	while (n > 0 && p[n - 1] == fill)
		n--;
	return n;
}

static enum kith_status set_name(struct kith_ar *ar, const void *name, size_t n,
				 struct kith_err *err)
{
	ar->name.n = 0;
	return kith_buf_add(&ar->name, name, n) ? KITH_OK : kith_fail_nomem(err);
}

/* "/123": up to the LF (GNU: "/\n") or NUL in the table of long names. */
static enum kith_status name_of_table(struct kith_ar *ar, uint64_t at, struct kith_err *err)
{
	uint64_t end = ar->strings + ar->strings_n;
	size_t i = 0, got = 0;
	uint8_t piece[LONG_PIECE];

	ar->name.n = 0;
	at += ar->strings;
	while (at < end && ar->name.n < KITH_LIMIT_ENTRY_NAME && i == got) {
		size_t want = end - at < sizeof piece ? (size_t)(end - at) : sizeof piece;
		enum kith_status st = kith_blob_read_some(ar->blob, at, piece, want, &got, err);

		if (st < 0)
			return st;
		for (i = 0; i < got && piece[i] != '\n' && piece[i] != '\0'; i++)
			;
		if (!kith_buf_add(&ar->name, piece, i))
			return kith_fail_nomem(err);
		at += got;
		if (got == 0)
			break;
	}
	if (ar->name.n > 0 && ar->name.data[ar->name.n - 1] == '/')
		ar->name.n--;
	return KITH_OK;
}

/* "#1/20": the name stands before the data. */
static enum kith_status name_before_data(struct kith_ar *ar, uint64_t n,
					 struct kith_ar_member *member, struct kith_err *err)
{
	enum kith_status st;

	if (n > member->size || n > KITH_LIMIT_ENTRY_NAME)
		return kith_fail(err, KITH_E_CORRUPT, "a name of %llu bytes at offset %llu",
				 (unsigned long long)n, (unsigned long long)member->offset);
	ar->name.n = 0;
	if (kith_buf_room(&ar->name, (size_t)n) == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(ar->blob, member->offset, ar->name.data, (size_t)n, err);
	if (st < 0)
		return st;
	ar->name.n = trimmed(ar->name.data, (size_t)n, '\0');
	member->offset += n;
	member->size -= n;
	return KITH_OK;
}

/* Only these names, whole: what merely begins like one is a member as any other. */
static bool is_table(const struct kith_buf *name)
{
	static const char *const names[] = {
	    "/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "__.SYMDEF_64", "__.SYMDEF_64 SORTED"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (name->n == strlen(names[i]) && memcmp(name->data, names[i], name->n) == 0)
			return true;
	return false;
}

static enum kith_status read_name(struct kith_ar *ar, const uint8_t *header,
				  struct kith_ar_member *member, struct kith_err *err)
{
	size_t n = trimmed(header, NAME_N, ' ');
	uint64_t v;
	enum kith_status st;

	if (n == 2 && memcmp(header, "//", 2) == 0) {
		ar->strings = member->offset;
		ar->strings_n = member->size;
		member->table = true;
		st = set_name(ar, header, n, err);
	} else if (n > 0 && header[0] == '/' && number(header + 1, NAME_N - 1, &v) &&
		   v < ar->strings_n) {
		st = name_of_table(ar, v, err);
	} else if (n > 3 && memcmp(header, "#1/", 3) == 0 && number(header + 3, NAME_N - 3, &v)) {
		st = name_before_data(ar, v, member, err);
	} else if (n > 0 && header[0] == '/') { /* a name that is nowhere stays as it is */
		st = set_name(ar, header, n, err);
	} else {
		if (n > 0 && header[n - 1] == '/')
			n--;
		st = set_name(ar, header, n, err);
	}
	if (st >= 0 && is_table(&ar->name))
		member->table = true;
	return st;
}

enum kith_status kith_ar_next(struct kith_ar *ar, struct kith_ar_member *ret, struct kith_err *err)
{
	uint8_t header[HEADER];
	uint64_t size;
	enum kith_status st;

	if (ar->at == ar->blob->size ||
	    ar->at == ar->blob->size + 1) /* the last member's padding may be missing */
		return KITH_END;
	if (ar->at > ar->blob->size)
		return kith_fail(err, KITH_E_CORRUPT,
				 "it ends at offset %llu, inside a member that goes to %llu",
				 (unsigned long long)ar->blob->size, (unsigned long long)ar->at);
	if (ar->blob->size - ar->at < HEADER)
		return kith_fail(err, KITH_E_CORRUPT, "it ends inside the header at offset %llu",
				 (unsigned long long)ar->at);
	st = kith_blob_read(ar->blob, ar->at, header, sizeof header, err);
	if (st < 0)
		return st;
	if (header[END_AT] != '`' || header[END_AT + 1] != '\n' ||
	    !number(header + SIZE_AT, SIZE_N, &size))
		return kith_fail(err, KITH_E_CORRUPT, "no header of a member at offset %llu",
				 (unsigned long long)ar->at);
	*ret = (struct kith_ar_member){.offset = ar->at + HEADER, .size = size};
	ar->at += HEADER + size + (size & 1);
	st = read_name(ar, header, ret, err);
	ret->name = ar->name.data;
	ret->name_n = ar->name.n;
	return st;
}
