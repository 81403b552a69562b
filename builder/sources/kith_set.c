/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith_set.c: reads a set that was built before, through kith.h alone, so that sets can be merged.
 * Sources, distributors, products and product places are declared again; what is below a product
 * is handed over with the rows. The old ledger is carried over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/source.h"

#define SHARDS_FILE   256u /* by the first byte of the SHA-256 */
#define SHARD_SHA1    SHARDS_FILE
#define PROGRESS_ROWS 1024u
/* LMDB's magic number, where its first page has it. */
#define LMDB_MAGIC_OFFSET 16u

struct old_set {
	kith_set *set;
	bool keep_going;
	uint32_t *sources, *roots;         /* owned; by old rank: handle, place */
	uint32_t *distributors, *products; /* owned; by old rank */
	uint32_t *places; /* owned; by old rank: place, or KITH_NO_PLACE when it is not declared */
	struct kith_set_info info;
	uint32_t source; /* to whom losses while reading are written */
};

static enum kith_match probe(const struct kith_probe *in)
{
	static const uint8_t magic[4] = {0xde, 0xc0, 0xef, 0xbe};

	if (in->is_folder || in->head_n < LMDB_MAGIC_OFFSET + sizeof magic)
		return KITH_MATCH_NO;
	return memcmp(in->head + LMDB_MAGIC_OFFSET, magic, sizeof magic) == 0 ? KITH_MATCH_CERTAIN
									      : KITH_MATCH_NO;
}

static enum kith_status fail_damaged(enum kith_status st, const char *what, uint64_t rank,
				     struct kith_err *err)
{
	return kith_fail(err, st == KITH_E_ARG ? KITH_E_CORRUPT : st, "damaged set: %s %llu", what,
			 (unsigned long long)rank);
}

/* Room for n handles, none of them set. */
static enum kith_status new_handles(uint64_t n, uint32_t **ret, struct kith_err *err)
{
	if (n > KITH_LIMIT_RANKS)
		return kith_fail(err, KITH_E_CORRUPT, "damaged set: %llu items of a table",
				 (unsigned long long)n);
	*ret = malloc(((size_t)n + 1) * sizeof **ret);
	if (*ret == NULL)
		return kith_fail_nomem(err);
	memset(*ret, 0xff, ((size_t)n + 1) * sizeof **ret);
	return KITH_OK;
}

/* ----------------------------------------------------------- declarations */

/* The texts of a list, appended to `items` (struct kith_bytes); they point into the set. */
static enum kith_status get_texts(struct kith_list list, struct kith_buf *items, size_t *ret_n)
{
	struct kith_bytes text;
	enum kith_status st;

	*ret_n = 0;
	while ((st = kith_list_text(&list, &text)) == KITH_OK) {
		if (!kith_buf_add(items, &text, sizeof text))
			return KITH_E_NOMEM;
		(*ret_n)++;
	}
	return st < 0 ? st : KITH_OK;
}

/* The handles of a list of ranks. */
static enum kith_status get_handles(struct kith_list list, const uint32_t *handles, uint64_t count,
				    struct kith_buf *items)
{
	uint32_t rank;
	enum kith_status st;

	items->n = 0;
	while ((st = kith_list_rank(&list, &rank)) == KITH_OK) {
		if (rank >= count)
			return KITH_E_CORRUPT;
		if (!kith_buf_add(items, &handles[rank], sizeof *handles))
			return KITH_E_NOMEM;
	}
	return st < 0 ? st : KITH_OK;
}

static struct kith_rank_list rank_list(const struct kith_buf *items)
{
	return (struct kith_rank_list){(const uint32_t *)(const void *)items->data,
				       items->n / sizeof(uint32_t)};
}

static enum kith_status declare_sources(struct old_set *old, kith_reader *reader,
					const struct kith_source_args *args, struct kith_err *err)
{
	uint32_t rank;

	for (rank = 0; rank < old->info.sources; rank++) {
		struct kith_source source;
		enum kith_status st = kith_source(reader, rank, &source);

		if (st < 0)
			return fail_damaged(st, "source", rank, err);
		st = kith_decl_source(args->decl, &source, &old->sources[rank], &old->roots[rank],
				      err);
		if (st == KITH_E_ARG)
			return kith_fail(err, st, "the source '%.*s' is in another input already",
					 (int)(source.id.n < 256 ? source.id.n : 256),
					 (const char *)source.id.data);
		if (st < 0)
			return st;
		old->source = old->sources[rank];
	}
	return KITH_OK;
}

static enum kith_status declare_distributors(struct old_set *old, kith_reader *reader,
					     const struct kith_source_args *args,
					     struct kith_err *err)
{
	struct kith_buf items = {0};
	enum kith_status st = KITH_OK;
	uint32_t rank;

	for (rank = 0; rank < old->info.distributors && st >= 0; rank++) {
		struct kith_distributor distributor;
		struct kith_text_list links = {NULL, 0};

		items.n = 0;
		st = kith_distributor(reader, rank, &distributor);
		if (st >= 0)
			st = get_texts(distributor.links, &items, &links.n);
		if (st < 0) {
			st = fail_damaged(st, "distributor", rank, err);
			break;
		}
		links.items = (const struct kith_bytes *)(const void *)items.data;
		st = kith_decl_distributor(args->decl, distributor.name, &links,
					   &old->distributors[rank], err);
	}
	kith_buf_done(&items);
	return st;
}

static enum kith_status declare_product(struct old_set *old, const struct kith_product *product,
					const struct kith_source_args *args, struct kith_buf *texts,
					struct kith_buf *handles, uint32_t *ret,
					struct kith_err *err)
{
	struct kith_product_decl decl = {.name = product->name, .version = product->version};
	const struct kith_list *const from[] = {&product->systems, &product->languages,
						&product->types, &product->links};
	struct kith_text_list *const to[] = {&decl.systems, &decl.languages, &decl.types,
					     &decl.links};
	const struct kith_bytes *items;
	enum kith_status st;
	size_t i;

	texts->n = 0;
	st = get_handles(product->distributors, old->distributors, old->info.distributors, handles);
	for (i = 0; i < 4 && st >= 0; i++)
		st = get_texts(*from[i], texts, &to[i]->n);
	if (st == KITH_E_CORRUPT)
		return kith_fail(err, st, "damaged set: a product");
	if (st < 0)
		return kith_fail_nomem(err);
	items = (const struct kith_bytes *)(const void *)texts->data;
	for (i = 0; i < 4; i++) {
		to[i]->items = items;
		items += to[i]->n;
	}
	decl.distributors = rank_list(handles);
	return kith_decl_product(args->decl, &decl, ret, err);
}

static enum kith_status declare_products(struct old_set *old, kith_reader *reader,
					 const struct kith_source_args *args, struct kith_err *err)
{
	struct kith_buf texts = {0}, handles = {0};
	enum kith_status st = KITH_OK;
	uint32_t rank;

	for (rank = 0; rank < old->info.products && st >= 0; rank++) {
		struct kith_product product;

		st = kith_product(reader, rank, &product);
		if (st < 0)
			st = fail_damaged(st, "product", rank, err);
		else
			st = declare_product(old, &product, args, &texts, &handles,
					     &old->products[rank], err);
	}
	kith_buf_done(&texts);
	kith_buf_done(&handles);
	return st;
}

/* Declares a place and, first, what is above it. Parents have lower ranks, so this ends. */
static enum kith_status declare_place(struct old_set *old, kith_reader *reader,
				      const struct kith_source_args *args, uint32_t rank,
				      unsigned depth, struct kith_err *err)
{
	struct kith_buf handles = {0};
	struct kith_rank_list refs = {NULL, 0};
	struct kith_place place;
	uint32_t source;
	enum kith_status st;

	if (old->places[rank] != KITH_NO_PLACE)
		return KITH_OK;
	st = kith_place(reader, rank, &place);
	if (st >= 0 &&
	    (depth > KITH_LIMIT_DEPTH || (place.parent != KITH_NO_PLACE && place.parent >= rank)))
		st = KITH_E_CORRUPT;
	if (st < 0)
		return fail_damaged(st, "place", rank, err);
	if (place.kind == KITH_PLACE_SOURCE) {
		st = kith_list_rank(&place.refs, &source);
		if (st != KITH_OK || source >= old->info.sources)
			return fail_damaged(KITH_E_CORRUPT, "place", rank, err);
		old->places[rank] = old->roots[source];
		return KITH_OK;
	}
	if (place.parent == KITH_NO_PLACE)
		return fail_damaged(KITH_E_CORRUPT, "place", rank, err);
	st = declare_place(old, reader, args, place.parent, depth + 1, err);
	if (st < 0)
		return st;
	if (place.kind == KITH_PLACE_PRODUCT) {
		st = get_handles(place.refs, old->products, old->info.products, &handles);
		refs = rank_list(&handles);
	}
	if (st < 0)
		st = fail_damaged(st, "place", rank, err);
	else
		st = kith_decl_place(args->decl, old->places[place.parent], place.kind, place.name,
				     &refs, &old->places[rank], err);
	kith_buf_done(&handles);
	return st;
}

static enum kith_status declare_places(struct old_set *old, kith_reader *reader,
				       const struct kith_source_args *args, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	uint32_t rank;

	for (rank = 0; rank < old->info.places && st >= 0; rank++) {
		struct kith_place place;

		st = kith_place(reader, rank, &place);
		if (st < 0)
			return fail_damaged(st, "place", rank, err);
		if (place.kind == KITH_PLACE_SOURCE || place.kind == KITH_PLACE_PRODUCT)
			st = declare_place(old, reader, args, rank, 0, err);
	}
	return st;
}

/* ----------------------------------------------------------------- ledger */

struct ledger_copy {
	const struct old_set *old;
	struct kith_ledger *ledger;
};

/* True for what the core counts anew. */
static bool is_counted_anew(const char *reason)
{
	static const char *const anew[] = {KITH_LEDGER_FILES,     KITH_LEDGER_OCCURRENCES,
					   KITH_LEDGER_CONFLICTS, KITH_LEDGER_DROPPED,
					   KITH_LEDGER_FRAGMENTS, KITH_LEDGER_TRIVIAL};
	size_t i;

	for (i = 0; i < sizeof anew / sizeof anew[0]; i++)
		if (strcmp(reason, anew[i]) == 0)
			return true;
	return false;
}

static int copy_ledger(const struct kith_ledger_entry *entry, void *user)
{
	const struct ledger_copy *copy = user;
	char reason[128];
	size_t n = entry->reason.n < sizeof reason ? entry->reason.n : sizeof reason - 1;

	if (entry->source >= copy->old->info.sources)
		return 1;
	memcpy(reason, entry->reason.data, n);
	reason[n] = '\0';
	if (is_counted_anew(reason))
		return 0;
	kith_ledger_note(copy->ledger, copy->old->sources[entry->source], entry->class_, reason,
			 entry->count, entry->example.data, entry->example.n);
	return 0;
}

/* -------------------------------------------------------------------- ops */

static enum kith_status open_source(void *state, const struct kith_source_args *args,
				    struct kith_source_plan *ret_plan, struct kith_err *err)
{
	static enum kith_status (*const steps[])(struct old_set * old, kith_reader * reader,
						 const struct kith_source_args *args,
						 struct kith_err *err) = {
	    declare_sources, declare_distributors, declare_products, declare_places};
	struct old_set *old = state;
	struct ledger_copy copy = {old, args->ledger};
	kith_reader *reader = NULL;
	enum kith_status st;
	size_t i;

	old->keep_going = args->keep_going;
	st = kith_set_open(args->path, &old->set, err);
	if (st < 0)
		goto out;
	kith_set_info(old->set, &old->info);
	st = kith_reader_open(old->set, &reader, err);
	if (st >= 0)
		st = new_handles(old->info.sources, &old->sources, err);
	if (st >= 0)
		st = new_handles(old->info.sources, &old->roots, err);
	if (st >= 0)
		st = new_handles(old->info.distributors, &old->distributors, err);
	if (st >= 0)
		st = new_handles(old->info.products, &old->products, err);
	if (st >= 0)
		st = new_handles(old->info.places, &old->places, err);
	for (i = 0; i < sizeof steps / sizeof steps[0] && st >= 0; i++)
		st = steps[i](old, reader, args, err);
	if (st >= 0) {
		st = kith_ledger_each(reader, copy_ledger, &copy);
		if (st < 0)
			st = kith_fail(err, KITH_E_CORRUPT, "damaged set: its ledger");
	}
	if (st >= 0)
		*ret_plan = (struct kith_source_plan){
		    .n_shards = SHARDS_FILE + 1,
		    .total_units = old->info.files + old->info.sha1_only,
		    .unit = "files",
		    .rows = old->info.occurrences,
		};
out:
	kith_reader_close(reader);
	return st;
}

/* What reading one shard needs. */
struct worker {
	const struct old_set *old;
	kith_reader *reader;
	struct kith_collector *collector;
	struct kith_row row;
	uint32_t place; /* old rank of the row's place; KITH_NO_PLACE: none yet */
	struct kith_buf below;
};

/* Sets the row's place: the declared one above it, and the way down from there. */
static enum kith_status find_place(struct worker *w, uint32_t rank, struct kith_err *err)
{
	struct kith_place chain[KITH_LIMIT_DEPTH];
	uint32_t at = rank;
	size_t n = 0;

	if (rank == w->place)
		return KITH_OK;
	if (rank >= w->old->info.places)
		return fail_damaged(KITH_E_CORRUPT, "place", rank, err);
	while (w->old->places[at] == KITH_NO_PLACE) {
		if (n == KITH_LIMIT_DEPTH || kith_place(w->reader, at, &chain[n]) < 0 ||
		    chain[n].parent >= at)
			return fail_damaged(KITH_E_CORRUPT, "place", rank, err);
		at = chain[n++].parent;
	}
	w->below.n = 0;
	while (n > 0) {
		n--;
		if (!kith_place_key_add(&w->below, chain[n].kind, chain[n].name.data,
					chain[n].name.n))
			return kith_fail_nomem(err);
	}
	w->place = rank;
	w->row.place = w->old->places[at];
	w->row.below = w->below.data;
	w->row.below_n = w->below.n;
	return KITH_OK;
}

static void set_claim(struct kith_claim *claim, const uint8_t *sha1, const uint8_t *md5,
		      bool has_size, uint64_t size_bytes)
{
	memset(claim, 0, sizeof *claim);
	if (sha1 != NULL) {
		claim->has |= KITH_REC_HAS_SHA1;
		memcpy(claim->sha1, sha1, KITH_SHA1_SIZE);
	}
	if (md5 != NULL) {
		claim->has |= KITH_REC_HAS_MD5;
		memcpy(claim->md5, md5, KITH_MD5_SIZE);
	}
	if (has_size) {
		claim->has |= KITH_REC_HAS_SIZE;
		claim->size_bytes = size_bytes;
	}
}

static enum kith_status give_occurrence(struct worker *w, const struct kith_occurrence *occurrence,
					struct kith_err *err)
{
	struct kith_bytes name;
	enum kith_status st;

	st = kith_name(w->reader, occurrence->name, &name);
	if (st < 0)
		return fail_damaged(st, "name", occurrence->name, err);
	st = find_place(w, occurrence->place, err);
	if (st < 0)
		return st;
	w->row.name = name.data;
	w->row.name_n = name.n;
	return kith_collect(w->collector, &w->row, err);
}

/* The claims that differ from the record's own, each with the file's first occurrence. */
static enum kith_status give_alternates(struct worker *w, const struct kith_file *file,
					const struct kith_occurrence *first, struct kith_err *err)
{
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	enum kith_status st;

	st = kith_alternates(file, &iter);
	while (st == KITH_OK) {
		st = kith_alternate_next(&iter, &alternate);
		if (st != KITH_OK)
			break;
		set_claim(&w->row.claim, alternate.sha1, alternate.md5, alternate.has_size != 0,
			  alternate.size_bytes);
		st = give_occurrence(w, first, err);
		if (st < 0)
			return st;
	}
	if (st < 0)
		return kith_fail(err, KITH_E_CORRUPT, "damaged set: a record");
	return KITH_OK;
}

static enum kith_status give_file(struct worker *w, const struct kith_file *file,
				  struct kith_err *err)
{
	bool sha1_only = (file->flags & KITH_FILE_SHA1_ONLY) != 0;
	struct kith_file_iter iter;
	struct kith_occurrence occurrence, first = {0};
	bool any = false;
	enum kith_status st;

	w->row.table = sha1_only ? KITH_TABLE_SHA1_ONLY : KITH_TABLE_FILE;
	memcpy(w->row.key, sha1_only ? file->sha1 : file->sha256,
	       sha1_only ? KITH_SHA1_SIZE : KITH_SHA256_SIZE);
	set_claim(&w->row.claim, sha1_only ? NULL : file->sha1, file->md5,
		  (file->flags & KITH_FILE_HAS_SIZE) != 0, file->size_bytes);
	st = kith_occurrences(file, &iter);
	while (st == KITH_OK) {
		st = kith_occurrence_next(&iter, &occurrence);
		if (st != KITH_OK)
			break;
		if (!any)
			first = occurrence;
		any = true;
		st = give_occurrence(w, &occurrence, err);
		if (st < 0)
			return st;
	}
	if (st < 0)
		return kith_fail(err, KITH_E_CORRUPT, "damaged set: a record");
	if ((file->flags & KITH_FILE_CONFLICT) == 0 || !any)
		return KITH_OK;
	return give_alternates(w, file, &first, err);
}

/* Does the cursor's file still belong to the shard? */
static bool in_shard(const struct kith_file *file, uint32_t shard)
{
	return shard == SHARD_SHA1 || file->sha256[0] == shard;
}

static enum kith_status read_files(struct worker *w, uint32_t shard, struct kith_err *err)
{
	const uint8_t from = (uint8_t)shard;
	enum kith_table table = shard == SHARD_SHA1 ? KITH_TABLE_SHA1_ONLY : KITH_TABLE_FILE;
	kith_cursor *cursor = NULL;
	struct kith_file file;
	uint64_t since = 0;
	enum kith_status st;

	st = kith_cursor_open(w->reader, table, shard == SHARD_SHA1 ? NULL : &from,
			      shard == SHARD_SHA1 ? 0 : 1, &cursor, err);
	if (st < 0)
		return st;
	while ((st = kith_cursor_next(cursor, &file)) == KITH_OK && in_shard(&file, shard)) {
		st = give_file(w, &file, err);
		if (st < 0)
			goto out;
		if (++since == PROGRESS_ROWS) {
			st = kith_collect_progress(w->collector, since, err);
			if (st < 0)
				goto out;
			since = 0;
		}
	}
	if (st < 0)
		st = kith_fail(err, st, "damaged set: table of files");
	else
		st = kith_collect_progress(w->collector, since, err);
out:
	kith_cursor_close(cursor);
	return st;
}

static enum kith_status read_source(void *state, uint32_t shard, struct kith_collector *collector,
				    struct kith_err *err)
{
	const struct old_set *old = state;
	struct worker w = {.old = old, .collector = collector, .place = KITH_NO_PLACE};
	struct kith_err fault = {0};
	enum kith_status st;

	st = kith_reader_open(old->set, &w.reader, &fault);
	if (st >= 0)
		st = read_files(&w, shard, &fault);
	if (st == KITH_E_CORRUPT && old->keep_going && old->info.sources > 0) {
		kith_ledger_notef(kith_collector_ledger(collector), old->source, KITH_LEDGER_FAILED,
				  "damaged set", "part %u of %u", (unsigned)shard + 1,
				  SHARDS_FILE + 1);
		st = KITH_OK;
	} else if (st < 0 && err != NULL) {
		*err = fault;
	}
	kith_reader_close(w.reader);
	kith_buf_done(&w.below);
	return st;
}

static void close_source(void *state)
{
	struct old_set *old = state;

	free(old->sources);
	free(old->roots);
	free(old->distributors);
	free(old->products);
	free(old->places);
	kith_set_close(old->set);
}

const struct kith_source_ops kith_source_kith_set = {
    .name = "kith-set",
    .summary = "a set that was built before",
    .state_size = sizeof(struct old_set),
    .probe = probe,
    .open = open_source,
    .read = read_source,
    .close = close_source,
};
