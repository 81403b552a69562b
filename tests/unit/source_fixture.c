/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700
#include "source_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../holds.h"
#include "base/hex.h"
#include "sources/sources.h"

int source_setup(void **state)
{
	struct source_fixture *f = calloc(1, sizeof *f);

	HOLDS(f != NULL);
	(void)snprintf(f->folder, sizeof f->folder, "/tmp/kith-test-XXXXXX");
	HOLDS(mkdtemp(f->folder) != NULL);
	(void)snprintf(f->input, sizeof f->input, "%s/input", f->folder);
	(void)snprintf(f->output, sizeof f->output, "%s/out.kith", f->folder);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
	(void)info;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void close_set(struct source_fixture *f)
{
	kith_reader_close(f->reader);
	kith_set_close(f->set);
	f->reader = NULL;
	f->set = NULL;
}

int source_teardown(void **state)
{
	struct source_fixture *f = *state;

	close_set(f);
	(void)nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

enum kith_status source_build(struct source_fixture *f, const char *input, bool keep_going)
{
	const struct kith_build_options options = {
	    .output = f->output,
	    .memory = (size_t)64 << 20,
	    .threads = 2,
	    .keep_going = keep_going,
	    .source_date_epoch = -1,
	};
	const struct kith_source_ops *ops;
	struct kith_build *build = NULL;
	enum kith_status st;

	close_set(f);
	memset(&f->err, 0, sizeof f->err);
	st = kith_sources_probe(input, &ops, &f->err);
	if (st >= 0)
		st = kith_build_new(&options, &build, &f->err);
	if (st >= 0)
		st = kith_build_add(build, ops, input, &f->err);
	if (st >= 0)
		st = kith_build_run(build, &f->result, &f->err);
	kith_build_free(build);
	if (st < 0)
		return st;
	HOLDS(kith_set_open(f->output, &f->set, &f->err) == KITH_OK);
	HOLDS(kith_reader_open(f->set, &f->reader, &f->err) == KITH_OK);
	HOLDS(kith_reader_check(f->reader, NULL, NULL, &f->err) == KITH_OK);
	return KITH_OK;
}

void source_write(struct source_fixture *f, const char *name, const void *data, size_t n)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
	file = fopen(path, "wb");
	HOLDS(file != NULL);
	HOLDS(fwrite(data, 1, n, file) == n);
	HOLDS(fclose(file) == 0);
}

bool source_find(struct source_fixture *f, const char *hex, struct kith_file *ret_file)
{
	uint8_t digest[KITH_SHA256_SIZE];
	size_t n = strlen(hex) / 2;
	enum kith_status st;

	HOLDS(n <= sizeof digest && kith_hex_decode(hex, digest, n));
	st = kith_lookup(f->reader, n == KITH_SHA256_SIZE ? KITH_SHA256 : KITH_SHA1, digest, n,
			 ret_file);
	HOLDS(st >= 0);
	return st == KITH_OK;
}

static void chain_of(struct source_fixture *f, uint32_t rank, char *text, size_t n)
{
	struct kith_place place;

	HOLDS(kith_place(f->reader, rank, &place) == KITH_OK);
	if (place.parent == KITH_NO_PLACE) {
		text[0] = '\0';
		return;
	}
	chain_of(f, place.parent, text, n);
	(void)snprintf(text + strlen(text), n - strlen(text), "%.*s > ", (int)place.name.n,
		       (const char *)place.name.data);
}

unsigned source_count(struct source_fixture *f, const char *hex, const char *chain)
{
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	struct kith_bytes name;
	struct kith_file file;
	unsigned count = 0;
	char text[4096];

	if (!source_find(f, hex, &file))
		return 0;
	HOLDS(kith_occurrences(&file, &iter) == KITH_OK);
	while (kith_occurrence_next(&iter, &occurrence) == KITH_OK) {
		chain_of(f, occurrence.place, text, sizeof text);
		HOLDS(kith_name(f->reader, occurrence.name, &name) == KITH_OK);
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s", (int)name.n,
			       (const char *)name.data);
		count += strcmp(text, chain) == 0;
	}
	return count;
}

static void join_texts(struct kith_list list, char *text, size_t n)
{
	struct kith_bytes item;
	const char *comma = "";

	(void)snprintf(text + strlen(text), n - strlen(text), "|");
	while (kith_list_text(&list, &item) == KITH_OK) {
		(void)snprintf(text + strlen(text), n - strlen(text), "%s%.*s", comma, (int)item.n,
			       (const char *)item.data);
		comma = ",";
	}
}

static void product_text(struct source_fixture *f, uint32_t rank, char *text, size_t n)
{
	struct kith_distributor distributor;
	struct kith_product product;
	struct kith_list list;
	const char *comma = "";
	uint32_t one;

	HOLDS(kith_product(f->reader, rank, &product) == KITH_OK);
	(void)snprintf(text, n, "%.*s|%.*s|", (int)product.name.n, (const char *)product.name.data,
		       (int)product.version.n, (const char *)product.version.data);
	list = product.distributors;
	while (kith_list_rank(&list, &one) == KITH_OK) {
		HOLDS(kith_distributor(f->reader, one, &distributor) == KITH_OK);
		(void)snprintf(text + strlen(text), n - strlen(text), "%s%.*s", comma,
			       (int)distributor.name.n, (const char *)distributor.name.data);
		comma = ",";
	}
	join_texts(product.systems, text, n);
	join_texts(product.languages, text, n);
	join_texts(product.types, text, n);
	join_texts(product.links, text, n);
}

unsigned source_product(struct source_fixture *f, const char *place, unsigned i, char *text,
			size_t n)
{
	struct kith_set_info info;
	unsigned count = 0;
	uint32_t rank, product;

	kith_set_info(f->set, &info);
	for (rank = 0; rank < info.places; rank++) {
		struct kith_place at;

		HOLDS(kith_place(f->reader, rank, &at) == KITH_OK);
		if (at.kind != KITH_PLACE_PRODUCT || at.name.n != strlen(place) ||
		    memcmp(at.name.data, place, at.name.n) != 0)
			continue;
		while (kith_list_rank(&at.refs, &product) == KITH_OK)
			if (count++ == i)
				product_text(f, product, text, n);
	}
	return count;
}

struct ledger_query {
	enum kith_ledger_class class_;
	const char *reason;
	uint64_t count;
};

static int add_entry(const struct kith_ledger_entry *entry, void *user)
{
	struct ledger_query *query = user;

	if (entry->class_ == query->class_ && entry->reason.n == strlen(query->reason) &&
	    memcmp(entry->reason.data, query->reason, entry->reason.n) == 0)
		query->count += entry->count;
	return 0;
}

uint64_t source_ledger(struct source_fixture *f, enum kith_ledger_class class_, const char *reason)
{
	struct ledger_query query = {class_, reason, 0};

	HOLDS(kith_ledger_each(f->reader, add_entry, &query) == KITH_OK);
	return query.count;
}
