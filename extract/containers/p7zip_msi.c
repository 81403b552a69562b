/* SPDX-License-Identifier: Apache-2.0 */
/*
 * p7zip_msi.c: the table Property of a Windows Installer database, which names product, version
 * and manufacturer. Texts are in one place: _StringData has them, _StringPool their lengths. A
 * table is stored by columns of references to texts, of 2 bytes, or 3 in a large pool.
 *
 * By "Database Tables" of Microsoft's Windows Installer documentation, and for the bytes, which
 * that leaves out, by the description of the format in the msitools and Wine projects.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/p7zip.h"

#define TABLE_MAX ((size_t)16 << 20) /* of each of the three; more is not kept */
#define WEIGHT    100u               /* package metadata, see kith_emit_fact */
#define TEXT_MAX  1024u

static bool is(const uint8_t *name, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(name, what, n) == 0;
}

void sz_msi_begin(struct sz_msi *msi, const uint8_t *name, size_t n)
{
	/* "!" is what tables' names begin with. */
	msi->taking = is(name, n, "!_StringPool")   ? &msi->pool
		      : is(name, n, "!_StringData") ? &msi->strings
		      : is(name, n, "!Property")    ? &msi->properties
						    : NULL;
	if (msi->taking != NULL)
		msi->taking->n = 0;
}

void sz_msi_data(struct sz_msi *msi, const void *data, size_t n)
{
	if (msi->taking == NULL)
		return;
	if (n > TABLE_MAX - msi->taking->n || !kith_buf_add(msi->taking, data, n)) {
		msi->taking->n = 0;
		msi->taking = NULL;
	}
}

void sz_msi_done(struct sz_msi *msi)
{
	kith_buf_done(&msi->pool);
	kith_buf_done(&msi->strings);
	kith_buf_done(&msi->properties);
}

/* A text that is wanted, and where it is found. */
struct wanted_text {
	uint32_t id;
	size_t slot;
};

static int compare_ids(const void *a, const void *b)
{
	const struct wanted_text *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/*
 * Goes over the pool once; wanted is in the order of ids. An entry is a length and a count of
 * references, 16 bits each; a length of 0 with a count says that the next entry has the low half of
 * a long length, and the count its high half.
 */
static void find_texts(const struct sz_msi *msi, const struct wanted_text *wanted, size_t n,
		       struct kith_bytes *texts)
{
	const uint8_t *pool = msi->pool.data;
	size_t at = 0, i;
	uint32_t id = 0;

	for (i = 4; i + 4 <= msi->pool.n; i += 4) {
		uint32_t length = (uint32_t)(pool[i] | pool[i + 1] << 8);
		uint32_t count = (uint32_t)(pool[i + 2] | pool[i + 3] << 8);

		id++;
		if (length == 0 && count != 0 && i + 8 <= msi->pool.n) {
			i += 4;
			length = (uint32_t)(pool[i] | pool[i + 1] << 8) | count << 16;
		}
		if (length > msi->strings.n - at)
			return;
		for (; n > 0 && wanted->id <= id; wanted++, n--)
			if (wanted->id == id && length > 0)
				texts[wanted->slot] =
				    (struct kith_bytes){msi->strings.data + at, length};
		at += length;
	}
}

static uint32_t reference(const uint8_t *p, size_t width)
{
	return (uint32_t)(p[0] | p[1] << 8) | (width == 3 ? (uint32_t)p[2] << 16 : 0);
}

enum kith_status sz_msi_tell(const struct sz_msi *msi, struct kith_emit *emit, struct kith_err *err)
{
	static const struct {
		const char *property;
		enum kith_fact fact;
	} wanted[] = {
	    {"ProductName", KITH_FACT_PRODUCT},
	    {"ProductVersion", KITH_FACT_VERSION},
	    {"Manufacturer", KITH_FACT_DISTRIBUTOR},
	    {"ARPURLINFOABOUT", KITH_FACT_LINK},
	};
	/* A table of this many properties is read; installers have some 50. */
	enum { ROWS = 512 };
	struct kith_bytes texts[2 * ROWS];
	struct wanted_text ids[2 * ROWS];
	const uint8_t *table = msi->properties.data;
	size_t width, all, rows, i, k;
	enum kith_status st = KITH_OK;

	if (msi->pool.n < 4 || msi->properties.n == 0)
		return KITH_OK;
	width = msi->pool.data[3] & 0x80 ? 3 : 2;
	all = msi->properties.n / (2 * width);
	rows = all < ROWS ? all : ROWS;
	memset(texts, 0, sizeof texts);
	for (i = 0; i < rows; i++) {
		ids[2 * i] = (struct wanted_text){reference(table + i * width, width), i};
		ids[2 * i + 1] =
		    (struct wanted_text){reference(table + (all + i) * width, width), rows + i};
	}
	/* cppcheck-suppress uninitvar */
	qsort(ids, 2 * rows, sizeof ids[0], compare_ids);
	find_texts(msi, ids, 2 * rows, texts);
	for (i = 0; i < rows && st >= 0; i++) {
		const struct kith_bytes *name = &texts[i], *value = &texts[rows + i];

		for (k = 0; k < sizeof wanted / sizeof wanted[0] && st >= 0; k++)
			if (name->n == strlen(wanted[k].property) &&
			    memcmp(name->data, wanted[k].property, name->n) == 0 && value->n > 0 &&
			    value->n <= TEXT_MAX)
				st = kith_emit_fact(emit, wanted[k].fact, WEIGHT, value->data,
						    value->n, err);
	}
	return st;
}
