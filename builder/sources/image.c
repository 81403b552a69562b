/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c: the journal of a walk as a source. All knowledge of what lies where is in image_tree.c;
 * here it becomes declarations and rows.
 *
 *   hashed      bytes that we read: source HashDB, and each container's own bytes too
 *   declared    a digest of a file whose bytes we did not see: sources of their own, so that it is
 *               never taken for hashed
 *   resources   what a Windows program says of itself: a source of its own
 */
#define _POSIX_C_SOURCE 200809L
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"
#include "image_tree.h"

#define PROGRESS_ROWS 1024u

/* What a declared source is called, behind the id and the label of the hashed one. */
static const struct {
	enum kith_evidence evidence;
	const char *id, *label;
} declared_sources[IMAGE_EVIDENCES + 1] = {
    [IMAGE_HASHED] = {KITH_HASHED, "", ""},
    [IMAGE_SIGNED] = {KITH_SIGNED, "/signed", " (signed digests)"},
    [IMAGE_REFERENCE] = {KITH_REFERENCE, "/declared", " (declared digests)"},
    [IMAGE_EVIDENCES] = {KITH_LISTED, "/resource", " (version resources)"},
};

struct image {
	const struct image_options *options;
	struct kith_decl *decl;
	struct kith_ledger *ledger;
	char *path; /* owned */
	struct image_tree tree;
	char *input; /* owned; its name */
	uint64_t size;
	uint64_t files;
	/* By evidence; the last is that of version resources. KITH_NO_PLACE: not declared. */
	uint32_t source[IMAGE_EVIDENCES + 1], root[IMAGE_EVIDENCES + 1];
	bool used[IMAGE_EVIDENCES];
	/* The place of each file with a version resource, in the order of the journal. */
	struct kith_buf claims;
};

static enum kith_match probe(const struct kith_probe *in)
{
	return !in->is_folder && journal_probe(in->head, in->head_n) ? KITH_MATCH_CERTAIN
								     : KITH_MATCH_NO;
}

/* ------------------------------------------------------------ declarations */

static enum kith_status declare_source(struct image *image, unsigned which, struct kith_err *err)
{
	const char *name = image->options->source == NULL ? "HashDB" : image->options->source;
	struct kith_buf id = {0}, label = {0};
	struct kith_source source = {0};
	enum kith_status st;
	size_t i;

	if (image->root[which] != KITH_NO_PLACE)
		return KITH_OK;
	for (i = 0; name[i] != '\0'; i++) {
		char c = name[i];

		(void)kith_buf_add_byte(&id, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
	}
	(void)kith_buf_add(&id, declared_sources[which].id, strlen(declared_sources[which].id));
	(void)kith_buf_add(&label, name, strlen(name));
	(void)kith_buf_add(&label, declared_sources[which].label,
			   strlen(declared_sources[which].label));
	source.evidence = declared_sources[which].evidence;
	source.id = (struct kith_bytes){id.data, id.n};
	source.label = (struct kith_bytes){label.data, label.n};
	st = id.failed || label.failed
		 ? kith_fail_nomem(err)
		 : kith_decl_source(image->decl, &source, &image->source[which],
				    &image->root[which], err);
	kith_buf_done(&id);
	kith_buf_done(&label);
	return st;
}

/* The place of a product below a source. Its name there tells products of one name apart. */
static enum kith_status declare_place(struct image *image, unsigned which,
				      const struct kith_bytes *said, uint32_t product,
				      uint32_t *ret, struct kith_err *err)
{
	struct kith_rank_list products = {&product, 1};
	struct kith_buf name = {0};
	enum kith_status st;

	(void)kith_buf_add(&name, said[KITH_FACT_DISTRIBUTOR].data, said[KITH_FACT_DISTRIBUTOR].n);
	(void)kith_buf_add_byte(&name, '/');
	(void)kith_buf_add(&name, said[KITH_FACT_PRODUCT].data, said[KITH_FACT_PRODUCT].n);
	(void)kith_buf_add_byte(&name, '/');
	(void)kith_buf_add(&name, said[KITH_FACT_VERSION].data, said[KITH_FACT_VERSION].n);
	st = name.failed
		 ? kith_fail_nomem(err)
		 : kith_decl_place(image->decl, image->root[which], KITH_PLACE_PRODUCT,
				   (struct kith_bytes){name.data, name.n}, &products, ret, err);
	kith_buf_done(&name);
	return st;
}

/* said: product, version, distributor; lists may be NULL. */
static enum kith_status declare_product(struct image *image, const struct kith_bytes *said,
					const struct kith_text_list *lists, uint32_t *ret,
					struct kith_err *err)
{
	struct kith_product_decl product = {.name = said[KITH_FACT_PRODUCT],
					    .version = said[KITH_FACT_VERSION]};
	struct kith_text_list none = {NULL, 0};
	uint32_t distributor;

	if (said[KITH_FACT_DISTRIBUTOR].n > 0) {
		enum kith_status st = kith_decl_distributor(
		    image->decl, said[KITH_FACT_DISTRIBUTOR], &none, &distributor, err);

		if (st < 0)
			return st;
		product.distributors = (struct kith_rank_list){&distributor, 1};
	}
	if (lists != NULL) {
		product.systems = lists[0];
		product.languages = lists[1];
		product.types = lists[2];
		product.links = lists[3];
	}
	return kith_decl_product(image->decl, &product, ret, err);
}

static enum kith_status declare_anchor(struct image *image, uint32_t node, struct kith_err *err)
{
	static const enum kith_fact listed[4] = {KITH_FACT_SYSTEM, KITH_FACT_LANGUAGE,
						 KITH_FACT_TYPE, KITH_FACT_LINK};
	const struct image_tree *tree = &image->tree;
	struct kith_text_list lists[4];
	struct kith_bytes said[3] = {{NULL, 0}};
	struct kith_buf items = {0};
	size_t i, k, n;
	uint32_t product;
	enum kith_status st;

	for (i = 0; i < 3; i++) {
		const struct image_fact *fact = image_tree_facts(tree, node, (enum kith_fact)i, &n);

		if (n > 0)
			said[i] = image_text(tree, fact->text, fact->text_n);
	}
	for (i = 0; i < 4; i++) {
		const struct image_fact *fact = image_tree_facts(tree, node, listed[i], &n);

		lists[i].n = n;
		for (k = 0; k < n; k++) {
			struct kith_bytes text = image_text(tree, fact[k].text, fact[k].text_n);

			(void)kith_buf_add(&items, &text, sizeof text);
		}
	}
	for (i = 0, k = 0; i < 4; k += lists[i].n, i++)
		lists[i].items = items.data == NULL
				     ? NULL
				     : (const struct kith_bytes *)(const void *)items.data + k;
	st = items.failed ? kith_fail_nomem(err)
			  : declare_product(image, said, lists, &product, err);
	for (i = 0; i < IMAGE_EVIDENCES && st >= 0; i++)
		if (image->used[i])
			st = declare_place(image, (unsigned)i, said, product,
					   &image->tree.nodes[node].place[i], err);
	kith_buf_done(&items);
	return st;
}

/* What a Windows program says of itself: the product and its place are declared at once. */
static enum kith_status declare_claim(struct image *image, const struct kith_walk_file *file,
				      struct kith_err *err)
{
	uint32_t product, place;
	enum kith_status st = declare_source(image, IMAGE_EVIDENCES, err);

	if (st >= 0)
		st = declare_product(image, file->claims, NULL, &product, err);
	if (st >= 0)
		st = declare_place(image, IMAGE_EVIDENCES, file->claims, product, &place, err);
	if (st < 0)
		return st;
	return kith_buf_add(&image->claims, &place, sizeof place) ? KITH_OK : kith_fail_nomem(err);
}

static bool has_claims(const struct kith_walk_file *file)
{
	return file->digests != NULL && file->claims[KITH_FACT_PRODUCT].n > 0;
}

static enum image_evidence evidence_of(const struct kith_walk_file *file)
{
	if (file->digests != NULL)
		return IMAGE_HASHED;
	return file->declared_signed ? IMAGE_SIGNED : IMAGE_REFERENCE;
}

/* ------------------------------------------------------------------ ledger */

static enum kith_status keep_note(struct image *image, const struct journal_record *record,
				  struct kith_err *err)
{
	const uint32_t node = record->note.node;
	struct kith_buf where = {0};
	char reason[128];
	size_t n =
	    record->note.reason.n < sizeof reason ? record->note.reason.n : sizeof reason - 1;
	size_t cut;

	if (node != KITH_NO_NODE && node >= image->tree.n_nodes)
		return kith_fail(err, KITH_E_CORRUPT, "damaged record of a walk: a note");
	memcpy(reason, record->note.reason.data, n);
	reason[n] = '\0';
	if (node != KITH_NO_NODE) {
		image_tree_note(&image->tree, node, reason);
		image_tree_where(&image->tree, node, &where);
	}
	if (record->note.example.n > 0) {
		if (where.n > 0)
			(void)kith_buf_add(&where, ": ", 2);
		(void)kith_buf_add(&where, record->note.example.data, record->note.example.n);
	}
	cut = where.n > KITH_LIMIT_EXAMPLE ? where.n - KITH_LIMIT_EXAMPLE : 0;
	kith_ledger_note(image->ledger, image->source[IMAGE_HASHED], record->note.class_, reason,
			 record->note.count, where.data == NULL ? NULL : where.data + cut,
			 where.n - cut);
	if (where.failed) {
		kith_buf_done(&where);
		return kith_fail_nomem(err);
	}
	kith_buf_done(&where);
	return KITH_OK;
}

/* That this input was read: a later build finds it here and need not read it again. Not for one of
 * which something was left out that another try may give (image_tree_note). */
static void note_input(const struct image *image, struct kith_ledger *ledger, const uint8_t *sha256,
		       const uint8_t *name, size_t name_n)
{
	char reason[sizeof KITH_LEDGER_INPUT + (size_t)2 * KITH_SHA256_SIZE] = KITH_LEDGER_INPUT;

	*kith_hex_encode(sha256, KITH_SHA256_SIZE, reason + sizeof KITH_LEDGER_INPUT - 1) = '\0';
	kith_ledger_note(ledger, image->source[IMAGE_HASHED], KITH_LEDGER_COUNT, reason, 1, name,
			 name_n);
}

/* -------------------------------------------------------------------- open */

static enum kith_status open_record(struct image *image, const struct journal_record *record,
				    uint64_t *bytes, struct kith_err *err)
{
	switch (record->kind) {
	case JOURNAL_NODE: return image_tree_node(&image->tree, &record->node, err);
	case JOURNAL_FACT:
		return image_tree_fact(&image->tree, record->fact.node, record->fact.fact,
				       record->fact.weight, record->fact.text, err);
	case JOURNAL_NOTE: return keep_note(image, record, err);
	case JOURNAL_FILE:
		image->files++;
		image->used[evidence_of(&record->file)] = true;
		if (record->file.digests != NULL)
			*bytes += record->file.digests->size;
		return has_claims(&record->file) ? declare_claim(image, &record->file, err)
						 : KITH_OK;
	case JOURNAL_END: break;
	}
	return KITH_OK;
}

static enum kith_status open_source(void *state, const struct kith_source_args *args,
				    struct kith_source_plan *ret_plan, struct kith_err *err)
{
	static const struct image_options none;
	struct image *image = state;
	struct journal_in in;
	struct journal_record record = {0};
	uint64_t bytes = 0;
	unsigned i;
	enum kith_status st;

	image->options = args->options == NULL ? &none : args->options;
	image->decl = args->decl;
	image->ledger = args->ledger;
	memset(image->root, 0xff, sizeof image->root);
	image->used[IMAGE_HASHED] = true;
	image->path = strdup(args->path);
	if (image->path == NULL)
		return kith_fail_nomem(err);
	st = journal_open(&in, args->path, err);
	if (st < 0)
		return st;
	image->size = in.size;
	image->input = in.name;
	in.name = NULL;
	st = declare_source(image, IMAGE_HASHED, err);
	while (st >= 0) {
		st = journal_read(&in, &record, err);
		if (st != KITH_OK)
			break;
		st = open_record(image, &record, &bytes, err);
	}
	if (st >= 0 && record.kind != JOURNAL_END)
		st = kith_fail(err, KITH_E_CORRUPT, "damaged record of a walk: it has no end");
	journal_close(&in);
	if (st < 0)
		return st;
	st = image_tree_finish(&image->tree, image->options, image->input, err);
	for (i = 0; i < IMAGE_EVIDENCES && st >= 0; i++)
		if (image->used[i])
			st = declare_source(image, i, err);
	for (i = 0; i < image->tree.n_nodes && st >= 0; i++)
		if (image->tree.nodes[i].has_product)
			st = declare_anchor(image, i, err);
	if (st < 0)
		return st;
	if (image->tree.cut)
		kith_ledger_notef(image->ledger, image->source[IMAGE_HASHED], KITH_LEDGER_SKIPPED,
				  "containers that lie in too many others", "%s", image->input);
	kith_ledger_notef(image->ledger, image->source[IMAGE_HASHED], KITH_LEDGER_COUNT, "inputs",
			  "%s", image->input);
	kith_ledger_note(image->ledger, image->source[IMAGE_HASHED], KITH_LEDGER_COUNT,
			 "bytes hashed", bytes, NULL, 0);
	*ret_plan = (struct kith_source_plan){
	    .n_shards = 1, .total_units = image->size, .unit = "bytes", .rows = image->files};
	return KITH_OK;
}

/* -------------------------------------------------------------------- read */

struct rows {
	const struct image *image;
	struct kith_collector *collector;
	struct kith_row row;
	struct kith_buf below;
	size_t next_claim;
	uint64_t told; /* bytes of the journal */
};

/* Where an evidence's files of a chain are. */
static uint32_t place_of(const struct image *image, enum image_evidence evidence, uint32_t anchor)
{
	return anchor == IMAGE_NO_ANCHOR ? image->root[evidence]
					 : image->tree.nodes[anchor].place[evidence];
}

static void set_claim(struct kith_row *row, const struct kith_digests *digests)
{
	row->table = KITH_TABLE_FILE;
	memcpy(row->key, digests->sha256, KITH_SHA256_SIZE);
	row->claim.has = KITH_REC_HAS_SHA1 | KITH_REC_HAS_MD5 | KITH_REC_HAS_SIZE;
	memcpy(row->claim.sha1, digests->sha1, KITH_SHA1_SIZE);
	memcpy(row->claim.md5, digests->md5, KITH_MD5_SIZE);
	row->claim.size_bytes = digests->size;
}

/* False: it has no digest that a set is keyed by. */
static bool set_declared(struct kith_row *row, const struct kith_walk_file *file)
{
	const struct kith_declared *declared = file->declared;

	row->claim.has = 0;
	if (declared->has_sha256) {
		row->table = KITH_TABLE_FILE;
		memcpy(row->key, declared->sha256, KITH_SHA256_SIZE);
		if (declared->has_sha1) {
			row->claim.has |= KITH_REC_HAS_SHA1;
			memcpy(row->claim.sha1, declared->sha1, KITH_SHA1_SIZE);
		}
	} else if (declared->has_sha1) {
		row->table = KITH_TABLE_SHA1_ONLY;
		memcpy(row->key, declared->sha1, KITH_SHA1_SIZE);
	} else {
		return false;
	}
	if (declared->has_md5) {
		row->claim.has |= KITH_REC_HAS_MD5;
		memcpy(row->claim.md5, declared->md5, KITH_MD5_SIZE);
	}
	if (file->has_size) {
		row->claim.has |= KITH_REC_HAS_SIZE;
		row->claim.size_bytes = file->size;
	}
	return true;
}

/* The row once more, under a place without anything below it. */
static enum kith_status collect_at(struct rows *rows, uint32_t place, struct kith_err *err)
{
	rows->row.place = place;
	rows->row.below = NULL;
	rows->row.below_n = 0;
	return kith_collect(rows->collector, &rows->row, err);
}

static enum kith_status collect_chains(struct rows *rows, const struct kith_walk_file *file,
				       enum image_evidence evidence, size_t folder_n,
				       struct kith_err *err)
{
	const struct image_tree *tree = &rows->image->tree;
	const struct image_node *node = &tree->nodes[file->node];
	enum kith_status st = KITH_OK;
	uint32_t i;

	/* An input that is no container is told of once, at its end. */
	for (i = 0; i < node->n_chains && !node->is_plain && st >= 0; i++) {
		const struct image_chain *chain = &tree->chains[node->chains + i];

		rows->below.n = 0;
		(void)kith_buf_add(&rows->below, tree->keys.data + chain->below, chain->below_n);
		if (folder_n > 0)
			(void)kith_place_key_add(&rows->below, KITH_PLACE_FOLDER, file->name,
						 folder_n);
		if (rows->below.failed)
			return kith_fail_nomem(err);
		rows->row.place = place_of(rows->image, evidence, chain->anchor);
		rows->row.below = rows->below.data;
		rows->row.below_n = rows->below.n;
		st = kith_collect(rows->collector, &rows->row, err);
	}
	return st;
}

/* A container of its own product is a file of that product too; one that lies in a folder that was
 * given as the input is an input of its own. */
static enum kith_status collect_container(struct rows *rows, const struct kith_walk_file *file,
					  struct kith_err *err)
{
	const struct image_tree *tree = &rows->image->tree;
	uint32_t child =
	    image_tree_child(tree, file->node, file->name, file->name_n, file->digests->sha256);

	if (child == KITH_NO_NODE)
		return KITH_OK;
	if (file->node == 0 && tree->nodes[0].is_folder && !tree->nodes[child].lacks)
		note_input(rows->image, kith_collector_ledger(rows->collector),
			   file->digests->sha256, file->name, file->name_n);
	if (tree->nodes[child].same_as != KITH_NO_NODE)
		child = tree->nodes[child].same_as;
	if (!tree->nodes[child].has_product)
		return KITH_OK;
	return collect_at(rows, place_of(rows->image, IMAGE_HASHED, child), err);
}

static enum kith_status read_file(struct rows *rows, const struct kith_walk_file *file,
				  struct kith_err *err)
{
	const struct image *image = rows->image;
	struct kith_ledger *ledger = kith_collector_ledger(rows->collector);
	enum image_evidence evidence = evidence_of(file);
	size_t folder_n, base;
	enum kith_status st;

	if (file->node >= image->tree.n_nodes)
		return kith_fail(err, KITH_E_CORRUPT, "damaged record of a walk: a file");
	image_split(file->name, file->name_n, &folder_n, &base);
	if (file->name_n > KITH_LIMIT_NAME) {
		kith_ledger_note(ledger, image->source[IMAGE_HASHED], KITH_LEDGER_SKIPPED,
				 "name too long", 1, file->name, KITH_LIMIT_EXAMPLE);
		rows->next_claim += has_claims(file);
		return KITH_OK;
	}
	if (file->digests != NULL) {
		set_claim(&rows->row, file->digests);
	} else if (file->declared == NULL || !set_declared(&rows->row, file)) {
		kith_ledger_note(ledger, image->source[evidence], KITH_LEDGER_SKIPPED,
				 "declared by MD5 alone", 1, file->name, file->name_n);
		return KITH_OK;
	}
	rows->row.name = file->name + base;
	rows->row.name_n = file->name_n - base;
	st = collect_chains(rows, file, evidence, folder_n, err);
	if (st >= 0 && file->digests != NULL)
		st = collect_container(rows, file, err);
	if (st >= 0 && has_claims(file)) {
		uint32_t place;

		if ((rows->next_claim + 1) * sizeof place > image->claims.n)
			return kith_fail(err, KITH_E_CORRUPT, "the record of a walk changed");
		memcpy(&place, image->claims.data + rows->next_claim++ * sizeof place,
		       sizeof place);
		st = collect_at(rows, place, err);
	}
	return st;
}

/* The input itself. */
static enum kith_status read_end(struct rows *rows, const struct journal_record *record,
				 struct kith_err *err)
{
	const struct image *image = rows->image;
	const uint8_t *name = (const uint8_t *)image->input;

	if (!record->has_digests)
		return KITH_OK;
	if (!image->tree.nodes[0].lacks)
		note_input(image, kith_collector_ledger(rows->collector), record->digests.sha256,
			   name, strlen(image->input));
	set_claim(&rows->row, &record->digests);
	rows->row.name = name;
	rows->row.name_n = strlen(image->input);
	return collect_at(
	    rows,
	    place_of(image, IMAGE_HASHED, image->tree.nodes[0].has_product ? 0 : IMAGE_NO_ANCHOR),
	    err);
}

static enum kith_status read_shard(void *state, uint32_t shard, struct kith_collector *collector,
				   struct kith_err *err)
{
	struct image *image = state;
	struct rows rows = {.image = image, .collector = collector};
	struct journal_in in;
	struct journal_record record;
	unsigned n = 0;
	enum kith_status st;

	(void)shard;
	st = journal_open(&in, image->path, err);
	if (st < 0)
		return st;
	while (st >= 0) {
		st = journal_read(&in, &record, err);
		if (st != KITH_OK)
			break;
		if (record.kind == JOURNAL_FILE)
			st = read_file(&rows, &record.file, err);
		else if (record.kind == JOURNAL_END)
			st = read_end(&rows, &record, err);
		if (st >= 0 && ++n % PROGRESS_ROWS == 0) {
			st = kith_collect_progress(collector, in.read - rows.told, err);
			rows.told = in.read;
		}
	}
	kith_buf_done(&rows.below);
	journal_close(&in);
	return st < 0 ? st : KITH_OK;
}

static void close_source(void *state)
{
	struct image *image = state;

	image_tree_done(&image->tree);
	kith_buf_done(&image->claims);
	free(image->path);
	free(image->input);
}

const struct kith_source_ops kith_source_image = {
    .name = "image",
    .summary = "what a walk found in an image, a package or a folder",
    .state_size = sizeof(struct image),
    .probe = probe,
    .open = open_source,
    .read = read_shard,
    .close = close_source,
};
