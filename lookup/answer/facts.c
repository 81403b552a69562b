/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/record.h"
#include "lib/set.h"

/* Names and places are fetched ahead for so many queries at a time, and so many occurrences of
 * each: enough to overlap the waits, few enough to still be in the cache when they are used. */
#define AHEAD_QUERIES 64u
#define AHEAD_OCCS    (KITH_CHAIN_AHEAD / AHEAD_QUERIES)

/* What the queries of a batch led to in one set. Set for the batch's queries only: large arrays
 * that stay untouched cost a process nothing. */
struct results {
	enum kith_status statuses[KITH_ASK_BATCH];
	struct kith_file files[KITH_ASK_BATCH];
};

struct asked_set {
	kith_reader *reader;
	struct kith_chain *chain;
	struct results *batch;
	bool direct; /* has its index; without, only SHA-256 can be asked for */
};

/* One kind's part of a batch, packed for kith_lookup_many. */
struct packed {
	struct results results;
	uint32_t which[KITH_ASK_BATCH];
	uint8_t digests[KITH_ASK_BATCH * KITH_SHA256_SIZE];
};

struct kith_asker {
	struct asked_set *sets;
	size_t n_sets;
	const struct kith_query *queries;
	size_t n_queries;
	struct packed *packed;
	/* Of the present facts. */
	struct kith_buf found, records, contents, all;
	/* Of kith_ask_known. */
	struct kith_buf ranks, origins;
	uint32_t names[KITH_CHAIN_AHEAD], places[KITH_CHAIN_AHEAD]; /* of fetch_ahead() */
};

const char *kith_verdict_text(enum kith_verdict verdict)
{
	static const char *const words[KITH_VERDICTS] = {"known", "unknown", "trivial",
							 "no-reference"};

	return words[verdict];
}

enum kith_status kith_asker_open(kith_set *const *sets, size_t n_sets, struct kith_asker **ret,
				 struct kith_err *err)
{
	struct kith_asker *asker = calloc(1, sizeof *asker);
	enum kith_status st = KITH_E_NOMEM;
	size_t i;

	if (asker == NULL)
		goto out;
	asker->sets = calloc(n_sets + 1, sizeof *asker->sets);
	asker->packed = malloc(sizeof *asker->packed);
	if (asker->sets == NULL || asker->packed == NULL)
		goto out;
	asker->n_sets = n_sets;
	for (i = 0; i < n_sets; i++) {
		struct asked_set *set = &asker->sets[i];
		struct kith_set_info info;

		kith_set_info(sets[i], &info);
		set->direct = info.direct != 0;
		set->batch = malloc(sizeof *set->batch);
		st = set->batch == NULL ? KITH_E_NOMEM
					: kith_reader_open(sets[i], &set->reader, err);
		if (st == KITH_OK)
			st = kith_chain_open(set->reader, &set->chain);
		if (st != KITH_OK)
			goto out;
	}
	*ret = asker;
	asker = NULL;
	st = KITH_OK;
out:
	kith_asker_close(asker);
	return st;
}

void kith_asker_close(struct kith_asker *asker)
{
	size_t i;

	if (asker == NULL)
		return;
	for (i = 0; i < asker->n_sets; i++) {
		kith_chain_close(asker->sets[i].chain);
		if (asker->sets[i].reader != NULL)
			kith_reader_close(asker->sets[i].reader);
		free(asker->sets[i].batch);
	}
	free(asker->sets);
	free(asker->packed);
	kith_buf_done(&asker->found);
	kith_buf_done(&asker->records);
	kith_buf_done(&asker->contents);
	kith_buf_done(&asker->all);
	kith_buf_done(&asker->ranks);
	kith_buf_done(&asker->origins);
	free(asker);
}

size_t kith_asker_sets(const struct kith_asker *asker)
{
	return asker->n_sets;
}

kith_reader *kith_asker_reader(struct kith_asker *asker, size_t set)
{
	return asker->sets[set].reader;
}

struct kith_chain *kith_asker_chain(struct kith_asker *asker, size_t set)
{
	return asker->sets[set].chain;
}

struct kith_buf *kith_asker_scratch(struct kith_asker *asker, size_t which)
{
	return which == 0 ? &asker->ranks : &asker->origins;
}

/* ------------------------------------------------------------------ batch */

static enum kith_status ask_kind(struct kith_asker *asker, enum kith_digest kind)
{
	struct packed *packed = asker->packed;
	size_t size = kith_digest_size(kind), n = 0, i, s;

	for (i = 0; i < asker->n_queries; i++) {
		if (asker->queries[i].kind != kind)
			continue;
		memcpy(packed->digests + n * size, asker->queries[i].bytes, size);
		packed->which[n++] = (uint32_t)i;
	}
	for (s = 0; s < asker->n_sets && n > 0; s++) {
		struct asked_set *set = &asker->sets[s];
		enum kith_status st =
		    kith_lookup_many(set->reader, kind, packed->digests, n, packed->results.files,
				     packed->results.statuses);

		if (st < 0)
			return st;
		for (i = 0; i < n; i++) {
			set->batch->files[packed->which[i]] = packed->results.files[i];
			set->batch->statuses[packed->which[i]] = packed->results.statuses[i];
		}
	}
	return KITH_OK;
}

enum kith_status kith_ask_batch(struct kith_asker *asker, const struct kith_query *queries,
				size_t n)
{
	enum kith_status st;

	if (n > KITH_ASK_BATCH)
		return KITH_E_ARG;
	asker->queries = queries;
	asker->n_queries = n;
	st = ask_kind(asker, KITH_SHA256);
	if (st == KITH_OK)
		st = ask_kind(asker, KITH_SHA1);
	if (st == KITH_OK)
		st = ask_kind(asker, KITH_MD5);
	return st;
}

/* The digest of no bytes at all is trivial even where no set has it. */
static bool is_empty_digest(const struct kith_query *query)
{
	static const uint8_t empty[KITH_DIGESTS][KITH_SHA256_SIZE] = {
	    {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
	     0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
	     0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55},
	    {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
	     0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09},
	    {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8,
	     0x42, 0x7e}};

	return memcmp(query->bytes, empty[query->kind], kith_digest_size(query->kind)) == 0;
}

/* A miss needs an index that was asked. A set without digests of that kind leaves the answer to the
 * others; one that lost its index may have the file, and then nobody can tell. */
enum kith_verdict kith_ask_sets(const struct kith_asker *asker, size_t i)
{
	bool indexed = false, lost = false, found = false, trivial = true;
	size_t s;

	for (s = 0; s < asker->n_sets; s++) {
		const struct asked_set *set = &asker->sets[s];
		bool asked = set->batch->statuses[i] != KITH_NO_REFERENCE;

		indexed = indexed || asked;
		lost = lost || (!asked && !set->direct && asker->queries[i].kind != KITH_SHA256);
		if (set->batch->statuses[i] != KITH_OK)
			continue;
		found = true;
		trivial = trivial && (set->batch->files[i].flags & KITH_FILE_TRIVIAL) != 0;
	}
	if (found)
		return trivial ? KITH_TRIVIAL : KITH_KNOWN;
	return indexed && !lost ? KITH_UNKNOWN : KITH_NOT_INDEXED;
}

enum kith_verdict kith_ask_verdict(const struct kith_asker *asker, size_t i)
{
	return is_empty_digest(&asker->queries[i]) ? KITH_TRIVIAL : kith_ask_sets(asker, i);
}

/* ------------------------------------------------------------------ facts */

static struct kith_record *records_of(struct kith_asker *asker)
{
	return (void *)asker->records.data;
}

static struct kith_content *contents_of(struct kith_asker *asker)
{
	return (void *)asker->contents.data;
}

/* Every file of one set that has the digest, to asker->found. */
enum which { ALL, WITH_SHA256, WITHOUT_SHA256 };
static enum kith_status add_all(struct kith_asker *asker, size_t s, enum kith_digest kind,
				const uint8_t *bytes, enum which which)
{
	struct kith_file few[4], *files = few;
	size_t n = 0, i;
	enum kith_status st =
	    kith_lookup_all(asker->sets[s].reader, kind, bytes, kith_digest_size(kind), few, 4, &n);

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	if (n > 4) {
		asker->all.n = 0;
		if (n > SIZE_MAX / sizeof *files ||
		    kith_buf_room(&asker->all, n * sizeof *files) == NULL)
			return KITH_E_NOMEM;
		files = (void *)asker->all.data;
		st = kith_lookup_all(asker->sets[s].reader, kind, bytes, kith_digest_size(kind),
				     files, n, &n);
		if (st != KITH_OK)
			return st < 0 ? st : KITH_E_CORRUPT;
	}
	for (i = 0; i < n; i++) {
		struct kith_record record;

		if (which == (files[i].sha256 == NULL ? WITH_SHA256 : WITHOUT_SHA256))
			continue;
		memset(&record, 0, sizeof record);
		record.set = s;
		record.file = files[i];
		if (!kith_buf_add(&asker->found, &record, sizeof record))
			return KITH_E_NOMEM;
	}
	return KITH_OK;
}

/* What other sets may know about the one content in asker->found: by SHA-1 only, when it has its
 * SHA-256, else the files with that SHA-1. group() decides. */
static enum kith_status add_others(struct kith_asker *asker)
{
	const struct kith_record *found = (const void *)asker->found.data;
	size_t n = asker->found.n / sizeof *found, i = 0, s;
	enum which which = found->file.sha256 != NULL ? WITHOUT_SHA256 : WITH_SHA256;
	enum kith_status st = KITH_OK;
	const uint8_t *sha1;

	while (i + 1 < n && found[i].file.sha1 == NULL)
		i++;
	sha1 = found[i].file.sha1;
	for (s = 0; s < asker->n_sets && asker->n_sets > 1 && sha1 != NULL && st == KITH_OK; s++)
		st = add_all(asker, s, KITH_SHA1, sha1, which);
	return st;
}

/* Files with a SHA-256 first, by it; then those that have only a SHA-1, by that; then by set. */
static int compare_records(const void *a, const void *b)
{
	const struct kith_record *x = a, *y = b;
	int c;

	if ((x->file.sha256 == NULL) != (y->file.sha256 == NULL))
		return x->file.sha256 == NULL ? 1 : -1;
	c = x->file.sha256 != NULL ? memcmp(x->file.sha256, y->file.sha256, KITH_SHA256_SIZE)
				   : memcmp(x->file.sha1, y->file.sha1, KITH_SHA1_SIZE);
	if (c != 0)
		return c;
	return x->set < y->set ? -1 : x->set > y->set;
}

static bool same_content(const struct kith_record *a, const struct kith_record *b)
{
	if ((a->file.sha256 == NULL) != (b->file.sha256 == NULL))
		return false;
	return a->file.sha256 != NULL
		   ? memcmp(a->file.sha256, b->file.sha256, KITH_SHA256_SIZE) == 0
		   : memcmp(a->file.sha1, b->file.sha1, KITH_SHA1_SIZE) == 0;
}

static bool differs(const uint8_t *a, const uint8_t *b, size_t n)
{
	return a != NULL && b != NULL && memcmp(a, b, n) != 0;
}

/* Adds what a further record knows. */
static void merge(struct kith_content *content, const struct kith_record *record)
{
	const struct kith_file *file = &record->file;

	if (differs(content->sha1, file->sha1, KITH_SHA1_SIZE) ||
	    differs(content->md5, file->md5, KITH_MD5_SIZE) ||
	    ((content->flags & file->flags & KITH_FILE_HAS_SIZE) != 0 &&
	     content->size_bytes != file->size_bytes))
		content->flags |= KITH_FILE_CONFLICT;
	if (content->sha1 == NULL)
		content->sha1 = file->sha1;
	if (content->md5 == NULL)
		content->md5 = file->md5;
	if ((content->flags & KITH_FILE_HAS_SIZE) == 0)
		content->size_bytes = file->size_bytes;
	/* A fragment is what every name says, so one record without the mark takes it away. */
	if ((content->flags & file->flags & KITH_FILE_FRAGMENT) == 0)
		content->flags &= ~KITH_FILE_FRAGMENT;
	content->flags |=
	    file->flags & (KITH_FILE_TRIVIAL | KITH_FILE_CONFLICT | KITH_FILE_HAS_SIZE);
	content->n_occurrences += file->n_occurrences;
	content->n_records++;
}

static bool add_record(struct kith_asker *asker, const struct kith_record *record, bool is_new)
{
	struct kith_content content;

	if (!kith_buf_add(&asker->records, record, sizeof *record))
		return false;
	if (is_new) {
		memset(&content, 0, sizeof content);
		content.sha256 = record->file.sha256;
		content.sha1 = record->file.sha1;
		content.md5 = record->file.md5;
		content.size_bytes = record->file.size_bytes;
		content.flags = record->file.flags;
		content.n_occurrences = record->file.n_occurrences;
		content.n_records = 1;
		return kith_buf_add(&asker->contents, &content, sizeof content);
	}
	merge(&contents_of(asker)[asker->contents.n / sizeof content - 1], record);
	return true;
}

/* Whether all that a record without SHA-256 claims about the MD5 fits that of a file. */
static bool md5_fits(const struct kith_file *waiting, const uint8_t *md5)
{
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	enum kith_status st;

	if (differs(waiting->md5, md5, KITH_MD5_SIZE) || kith_alternates(waiting, &iter) != KITH_OK)
		return false;
	while ((st = kith_alternate_next(&iter, &alternate)) == KITH_OK)
		if (differs(alternate.md5, md5, KITH_MD5_SIZE))
			return false;
	return st == KITH_END;
}

/*
 * Whether a record that has only a SHA-1 is of that file: the builder's rule for one set (join.c)
 * holds over several too. No file of any set but this one has the SHA-1 and an MD5 that fits. Not
 * all of those were found already: the question may have been for an MD5.
 */
static enum kith_status is_of_file(struct kith_asker *asker, const struct kith_file *waiting,
				   const struct kith_file *file, bool *ret)
{
	struct kith_file same[8];
	size_t n, i, s;

	*ret = false;
	if (file->sha1 == NULL || memcmp(file->sha1, waiting->sha1, KITH_SHA1_SIZE) != 0 ||
	    !md5_fits(waiting, file->md5))
		return KITH_OK;
	for (s = 0; s < asker->n_sets; s++) {
		enum kith_status st = kith_lookup_all(asker->sets[s].reader, KITH_SHA1,
						      waiting->sha1, KITH_SHA1_SIZE, same, 8, &n);

		if (st < 0)
			return st;
		if (st != KITH_OK)
			continue;
		if (n > 8)
			return KITH_OK;
		for (i = 0; i < n; i++)
			if (differs(same[i].sha256, file->sha256, KITH_SHA256_SIZE) &&
			    !differs(same[i].md5, waiting->md5, KITH_MD5_SIZE))
				return KITH_OK;
	}
	*ret = true;
	return KITH_OK;
}

/*
 * Makes contents of asker->found. A record that has only a SHA-1 is another set's view of the file
 * with that SHA-1, if there is exactly one such file: sets answer as one.
 */
#define GROUP_MOST 4096 /* comparisons; more files than that with one digest are hostile */
static enum kith_status group(struct kith_asker *asker)
{
	struct kith_record *found = (void *)asker->found.data;
	size_t n = asker->found.n / sizeof *found, n_full = 0, waiting, n_compared = 0, i, k,
	       at = 0;
	enum kith_status st;

	asker->records.n = 0;
	asker->contents.n = 0;
	if (n == 0)
		return KITH_OK;
	if (n > 1)
		qsort(found, n, sizeof *found, compare_records);
	while (n_full < n && found[n_full].file.sha256 != NULL)
		n_full++;
	waiting = n_full;
	for (i = 0; i < n_full; i++) {
		bool is_last = i + 1 == n_full || !same_content(&found[i], &found[i + 1]);

		if (!add_record(asker, &found[i],
				i == 0 || !same_content(&found[i - 1], &found[i])))
			return KITH_E_NOMEM;
		/* A file's last record: those without SHA-256 that are of it follow. */
		for (k = waiting; k < n && is_last && ++n_compared <= GROUP_MOST; k++) {
			struct kith_record record = found[k];
			bool is_of;

			st = is_of_file(asker, &record.file, &found[i].file, &is_of);
			if (st < 0)
				return st;
			if (!is_of)
				continue;
			if (!add_record(asker, &record, false))
				return KITH_E_NOMEM;
			memmove(&found[waiting + 1], &found[waiting],
				(k - waiting) * sizeof *found);
			found[waiting++] = record;
		}
	}
	for (i = waiting; i < n; i++) {
		bool is_new = i == waiting || !same_content(&found[i - 1], &found[i]);

		if (!add_record(asker, &found[i], is_new))
			return KITH_E_NOMEM;
	}
	for (k = 0; k < asker->contents.n / sizeof(struct kith_content); k++) {
		contents_of(asker)[k].records = records_of(asker) + at;
		at += contents_of(asker)[k].n_records;
	}
	return KITH_OK;
}

/*
 * Fetches the memory that the next answers will need. Answers to a list jump all over the set, and
 * most of their time would be waiting: each step here starts many fetches before it needs one. Only
 * hints; faults are found when the data is really used.
 */
static void fetch_ahead(struct kith_asker *asker, size_t s, size_t from)
{
	struct asked_set *set = &asker->sets[s];
	uint32_t *names = asker->names, *places = asker->places;
	size_t end = from + AHEAD_QUERIES, n_names = 0, n_places = 0, i, k;
	struct kith_bytes name;

	if (end > asker->n_queries)
		end = asker->n_queries;
	for (i = from; i < end; i++) {
		struct kith_file_iter iter;
		struct kith_occurrence occ;

		if (set->batch->statuses[i] != KITH_OK ||
		    kith_occurrences(&set->batch->files[i], &iter) < 0)
			continue;
		for (k = 0; k < AHEAD_OCCS && kith_occurrence_next(&iter, &occ) == KITH_OK; k++) {
			places[n_places++] = occ.place;
			/* most occurrences of a file have one name */
			if (n_names > 0 && names[n_names - 1] == occ.name)
				continue;
			names[n_names++] = occ.name;
			kith_item_prefetch(set->reader, KITH_DB_NAME, occ.name, 0);
		}
	}
	for (i = 0; i < n_names; i++)
		kith_item_prefetch(set->reader, KITH_DB_NAME, names[i], 1);
	for (i = 0; i < n_names; i++)
		kith_item_fetch(set->reader, KITH_DB_NAME, names[i], &name);
	kith_chain_ahead(set->chain, places, n_places);
}

enum kith_status kith_ask_group(struct kith_asker *asker, const struct kith_record *records,
				size_t n, struct kith_facts *ret)
{
	enum kith_status st;

	asker->found.n = 0;
	if (!kith_buf_add(&asker->found, records, n * sizeof *records))
		return KITH_E_NOMEM;
	st = add_others(asker);
	if (st == KITH_OK)
		st = group(asker);
	if (st != KITH_OK)
		return st;
	memset(ret, 0, sizeof *ret);
	ret->contents = contents_of(asker);
	ret->n_contents = asker->contents.n / sizeof(struct kith_content);
	if (records[0].file.sha256 != NULL) {
		ret->n_contents = 1;
		return KITH_OK;
	}
	/* Files come first; behind them is what is of none, and has one SHA-1. */
	if (ret->n_contents > 0)
		ret->contents += ret->n_contents - 1;
	ret->n_contents = ret->n_contents > 0 && ret->contents->sha256 == NULL;
	return KITH_OK;
}

enum kith_status kith_ask_facts(struct kith_asker *asker, size_t i, struct kith_facts *ret)
{
	const struct kith_query *query = &asker->queries[i];
	enum kith_status st = KITH_OK;
	size_t s;

	asker->found.n = 0;
	for (s = 0; s < asker->n_sets && i % AHEAD_QUERIES == 0 && asker->n_queries > 1; s++)
		fetch_ahead(asker, s, i);
	for (s = 0; s < asker->n_sets && st == KITH_OK; s++) {
		struct asked_set *set = &asker->sets[s];
		struct kith_record record;

		if (set->batch->statuses[i] != KITH_OK)
			continue;
		if (query->kind != KITH_SHA256) {
			st = add_all(asker, s, query->kind, query->bytes, ALL);
			continue;
		}
		memset(&record, 0, sizeof record);
		record.set = s;
		record.file = set->batch->files[i];
		if (!kith_buf_add(&asker->found, &record, sizeof record))
			st = KITH_E_NOMEM;
	}
	if (st == KITH_OK && query->kind == KITH_SHA256 && asker->found.n > 0)
		st = add_others(asker);
	if (st == KITH_OK)
		st = group(asker);
	if (st != KITH_OK)
		return st;
	ret->query = query;
	ret->contents = contents_of(asker);
	ret->n_contents = asker->contents.n / sizeof(struct kith_content);
	/* A SHA-256 names one file; what stands apart from it has only the same SHA-1. */
	if (query->kind == KITH_SHA256 && ret->n_contents > 1)
		ret->n_contents = 1;
	ret->verdict = kith_ask_verdict(asker, i);
	ret->in_sets = kith_ask_sets(asker, i);
	return KITH_OK;
}
