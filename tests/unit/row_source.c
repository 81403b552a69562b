/* SPDX-License-Identifier: Apache-2.0 */
#include "row_source.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct row_script script;

struct state {
	uint32_t source, root, places[2];
};

static struct kith_bytes text(const char *s)
{
	struct kith_bytes bytes = {(const uint8_t *)s, strlen(s)};

	return bytes;
}

static enum kith_match test_probe(const struct kith_probe *in)
{
	(void)in;
	return KITH_MATCH_CERTAIN;
}

static enum kith_status test_open(void *state, const struct kith_source_args *args,
				  struct kith_source_plan *ret_plan, struct kith_err *err)
{
	struct kith_source source = {KITH_REFERENCE, text(script.id), text("Test"), text("1"),
				     text(""),       text(""),        text("said")};
	struct kith_text_list none = {NULL, 0};
	struct state *mine = state;
	enum kith_status st;
	unsigned i;

	st = kith_decl_source(args->decl, &source, &mine->source, &mine->root, err);
	for (i = 0; st >= 0 && i < 2; i++) {
		struct kith_product_decl product = {0};
		struct kith_rank_list products;
		uint32_t distributor, handle;

		st = kith_decl_distributor(args->decl, text(i == 0 ? "Zed" : "Able"), &none,
					   &distributor, err);
		if (st < 0)
			return st;
		product.name = text(i == 0 ? "First" : "Second");
		product.version = text("1");
		product.distributors.items = &distributor;
		product.distributors.n = 1;
		st = kith_decl_product(args->decl, &product, &handle, err);
		if (st < 0)
			return st;
		products.items = &handle;
		products.n = 1;
		st = kith_decl_place(args->decl, mine->root, KITH_PLACE_PRODUCT,
				     text(i == 0 ? "7" : "8"), &products, &mine->places[i], err);
	}
	ret_plan->n_shards = script.n_random > 0 ? 16 : 1;
	ret_plan->total_units = script.n_random + script.n;
	ret_plan->unit = "rows";
	ret_plan->rows = script.n_random + script.n;
	return st;
}

static enum kith_status give_row(const struct state *mine, const struct row *from,
				 struct kith_collector *collector, struct kith_err *err)
{
	struct kith_buf below = {0};
	struct kith_row row;
	enum kith_status st;
	unsigned i;

	memset(&row, 0, sizeof row);
	row.table = from->sha256 != NULL ? KITH_TABLE_FILE : KITH_TABLE_SHA1_ONLY;
	if (from->sha256 != NULL)
		memset(row.key, from->sha256[0], 32);
	else
		memset(row.key, from->sha1[0], 20);
	if (from->sha1 != NULL && from->sha256 != NULL) {
		memset(row.claim.sha1, from->sha1[0], 20);
		row.claim.has |= KITH_REC_HAS_SHA1;
	}
	if (from->md5 != NULL) {
		memset(row.claim.md5, from->md5[0], 16);
		row.claim.has |= KITH_REC_HAS_MD5;
	}
	if (from->size >= 0) {
		row.claim.size_bytes = (uint64_t)from->size;
		row.claim.has |= KITH_REC_HAS_SIZE;
	}
	row.place = mine->places[from->product];
	for (i = 0; from->folder != NULL && i < (script.depth == 0 ? 1 : script.depth); i++)
		(void)kith_place_key_add(&below, KITH_PLACE_FOLDER, from->folder,
					 strlen(from->folder));
	row.below = below.data;
	row.below_n = below.n;
	row.name = (const uint8_t *)from->name;
	row.name_n = strlen(from->name);
	st = kith_collect(collector, &row, err);
	kith_buf_done(&below);
	return st;
}

static uint64_t scramble(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Row i of a random release: file f of n / 4, whose digests follow from f. */
static enum kith_status give_random(const struct state *mine, uint64_t i,
				    struct kith_collector *collector, struct kith_err *err)
{
	uint64_t file = scramble(i) % (script.n_random / 4), v;
	struct kith_buf below = {0};
	struct kith_row row;
	char name[40], folder[40];
	enum kith_status st;
	unsigned k;

	memset(&row, 0, sizeof row);
	for (k = 0; k < 4; k++) {
		v = scramble(file * 5 + k);
		memcpy(row.key + 8 * k, &v, 8);
	}
	memcpy(row.claim.sha1, row.key + 5, 20);
	memcpy(row.claim.md5, row.key + 9, 16);
	row.claim.size_bytes = file;
	row.claim.has = KITH_REC_HAS_SHA1 | KITH_REC_HAS_MD5 | KITH_REC_HAS_SIZE;
	row.place = mine->places[i % 2];
	(void)snprintf(folder, sizeof folder, "folder/%llu", (unsigned long long)(i / 16 % 1000));
	(void)snprintf(name, sizeof name, "name%llu", (unsigned long long)(scramble(i) % 7777));
	(void)kith_place_key_add(&below, KITH_PLACE_FOLDER, folder, strlen(folder));
	row.below = below.data;
	row.below_n = below.n;
	row.name = (const uint8_t *)name;
	row.name_n = strlen(name);
	st = kith_collect(collector, &row, err);
	kith_buf_done(&below);
	return st;
}

static enum kith_status test_read(void *state, uint32_t shard, struct kith_collector *collector,
				  struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	uint64_t i;

	if (script.n_random > 0) {
		for (i = shard; st >= 0 && i < script.n_random; i += 16)
			st = give_random(state, i, collector, err);
	} else {
		for (i = 0; st >= 0 && i < script.n; i++)
			st = give_row(state, &script.rows[i], collector, err);
	}
	if (st >= 0 && script.fail < 0)
		return kith_fail(err, script.fail, "the test wants it");
	return st;
}

static void test_close(void *state)
{
	(void)state;
}

const struct kith_source_ops row_source = {
    "test", "rows of a test", sizeof(struct state), test_probe, test_open, test_read, test_close};
