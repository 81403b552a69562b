/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h: asks one or several sets and gathers what they know, as if they were one set. Renderers
 * turn the facts into text; nothing else reads a set for an answer, so all formats agree.
 *
 * An asker belongs to one thread. Facts point into the sets and into the asker; they are valid
 * until the next kith_ask_facts() or kith_ask_batch() of that asker.
 */
#ifndef KITH_ANSWER_FACTS_H
#define KITH_ANSWER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answer/chain.h"
#include "base/buf.h"
#include "kith.h"

enum kith_verdict {
	KITH_KNOWN,   /* some set has it */
	KITH_UNKNOWN, /* a set that has an index of that kind does not have it, nor does another */
	KITH_TRIVIAL, /* content that proves nothing, whether a set has it or not */
	KITH_NOT_INDEXED, /* "no-reference": no set has an index of that kind; nothing can be said
			   */
	KITH_VERDICTS
};
/* "known", "unknown", "trivial", "no-reference" */
const char *kith_verdict_text(enum kith_verdict verdict);

struct kith_query {
	enum kith_digest kind;
	const uint8_t *bytes;
	const uint8_t *text; /* as the user wrote it */
	size_t text_n;
};

struct kith_asker; /* readers and caches of one thread */

enum kith_status kith_asker_open(kith_set *const *sets, size_t n_sets, struct kith_asker **ret,
				 struct kith_err *err);
void kith_asker_close(struct kith_asker *asker);
size_t kith_asker_sets(const struct kith_asker *asker);
kith_reader *kith_asker_reader(struct kith_asker *asker, size_t set);
struct kith_chain *kith_asker_chain(struct kith_asker *asker, size_t set);

/* Two buffers that kith_ask_known works in. */
struct kith_buf *kith_asker_scratch(struct kith_asker *asker, size_t which);

/* A list of texts: sorted by bytes, each once. */
struct kith_texts {
	struct kith_bytes *items;
	size_t n;
	struct kith_buf buf;
};

/* What one set has about one content. */
struct kith_record {
	size_t set;
	struct kith_file file;
};

/* One content, over all sets. */
struct kith_content {
	const uint8_t *sha256, *sha1, *md5; /* NULL where not known */
	uint64_t size_bytes;                /* with KITH_FILE_HAS_SIZE */
	uint64_t n_occurrences;             /* of all its records */
	uint32_t flags;                     /* KITH_FILE_..., of all its records */
	const struct kith_record *records;
	size_t n_records;
};

struct kith_facts {
	const struct kith_query *query;
	enum kith_verdict verdict;
	enum kith_verdict in_sets; /* the same, but for the empty file what the sets say */
	const struct kith_content *contents; /* more than one: the digest is ambiguous */
	size_t n_contents;
};

#define KITH_ASK_BATCH 256

/*
 * Looks n (at most KITH_ASK_BATCH) queries up in all sets. The queries must stay until the last
 * kith_ask_facts() about them. KITH_OK, or KITH_E_CORRUPT and the like: then nothing can be said.
 */
enum kith_status kith_ask_batch(struct kith_asker *asker, const struct kith_query *queries,
				size_t n);

/* The verdict on query i of the batch alone: cheaper than facts, and always the same. */
enum kith_verdict kith_ask_verdict(const struct kith_asker *asker, size_t i);

/* What the sets say: the empty file is trivial without any, but whether it is in them is another
 * matter, for formats that have only "found" and "not found". */
enum kith_verdict kith_ask_sets(const struct kith_asker *asker, size_t i);

enum kith_status kith_ask_facts(struct kith_asker *asker, size_t i, struct kith_facts *ret);

/*
 * For walks over tables: makes one content of a key's records, which were found in another way, and
 * what other sets know of it. Of the facts only the contents are set. None: the records have no
 * SHA-256 and are of files that have one, of which they are told.
 */
enum kith_status kith_ask_group(struct kith_asker *asker, const struct kith_record *records,
				size_t n, struct kith_facts *ret);

/* A product in one version; version.n 0: none, or a placeholder. */
struct kith_release {
	struct kith_bytes product, version;
};

/* What VirusTotal calls known_distributors: five independent lists. */
struct kith_known {
	struct kith_texts names, products, distributors, sources, links;
	/* The products again with their versions, which those lists leave out: sorted, each once.
	 */
	const struct kith_release *releases;
	size_t n_releases;
	struct kith_buf releases_buf;
	bool in_collection; /* a source is a list of another kind than VirusTotal's own */
};
void kith_known_done(struct kith_known *known);

/* Fills *known, which was zeroed once or used before. Placeholders and empty texts are left out. */
enum kith_status kith_ask_known(struct kith_asker *asker, const struct kith_content *content,
				struct kith_known *known);

/* What the sources are called that VirusTotal's attributes name. */
#define KITH_LABEL_HASHDB  "HashDB"
#define KITH_LABEL_NSRL    "National Software Reference Library (NSRL)"
#define KITH_LABEL_MONITOR "Monitor"
#define KITH_LABEL_TRUSTED "Trusted Source"
bool kith_label_is(struct kith_bytes label, const char *text);

/* "report.pdf", but not ".bashrc", "v1." or "x.a very long one". */
bool kith_has_extension(struct kith_bytes name);

/*
 * The occurrences to show of a content: all when limit is 0, else at most that many, those whose
 * name has an extension first. Plain data, no cleanup.
 */
struct kith_shown {
	const struct kith_content *content;
	uint64_t left; /* how many may still be shown */
	size_t record; /* from which the iterator is */
	int pass;      /* 0: all; 1: names with extension; 2: names without */
	bool started;
	struct kith_file_iter iter;
	uint32_t name_rank; /* of `name`, where the last occurrence was of this record too */
	struct kith_bytes name;
};

struct kith_seen {
	size_t set;
	struct kith_bytes name;
	const struct kith_where *where; /* valid until the next call */
};

void kith_shown_start(struct kith_shown *shown, const struct kith_content *content, uint64_t limit);
/* KITH_OK, KITH_END or a negative status. */
enum kith_status kith_shown_next(struct kith_asker *asker, struct kith_shown *shown,
				 struct kith_seen *ret);

#endif
