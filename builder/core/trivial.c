/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/trivial.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/sha256.h"
#include "core/digest.h"
#include "core/sort.h"

#define SHORT_MAX   256
#define SECTOR      ((size_t)512)
#define SECTOR_MAX  ((size_t)64 << 10)
#define PAGE_STEP   ((size_t)4096)
#define LONG_MAX    ((size_t)16 << 20)
#define SHORTS      (1 + 256 * (size_t)SHORT_MAX) /* contents, with the empty one */
#define LONGS       (SECTOR_MAX / SECTOR + (LONG_MAX - SECTOR_MAX) / PAGE_STEP) /* of one byte */
#define PARTS       4u
#define THREAD_NICE 10

struct table;

/* A quarter of a table: contents of one kind, one after the other. */
struct part {
	struct table *table;
	size_t at; /* where its next digest goes */
	int byte;  /* of long contents; -1: the short contents of all bytes */
	/* NULL: SHA-256 of short contents, of which a context of libcrypto's would cost more to
	 * copy than they cost to hash. */
	struct kith_sha *by_libcrypto;
	struct kith_sha256 first, sha256;
	pthread_t thread;
	bool started;
};

/* Digests of one kind: the first 8 bytes sorted, the whole ones by number. Digests are spread
 * evenly, so the first 16 bits lead to a handful of them. */
#define BUCKETS 65536
struct table {
	struct part parts[PARTS];
	uint32_t first[BUCKETS + 1];
	struct kith_pair *pairs;
	uint8_t (*digests)[KITH_SHA256_SIZE];
	size_t n;
	bool failed, ready;
	atomic_bool unwanted;
};

struct kith_trivial {
	struct table sha256, sha1;
};

static void reset(struct part *part)
{
	if (part->by_libcrypto != NULL)
		kith_sha_reset(part->by_libcrypto);
	part->sha256 = part->first;
}

/* Makes the content longer, and puts its digest into the table. */
static void add(struct part *part, const uint8_t *data, size_t n)
{
	struct kith_pair *pair = &part->table->pairs[part->at];
	uint8_t *digest = part->table->digests[part->at];

	if (part->by_libcrypto != NULL) {
		kith_sha_add(part->by_libcrypto, data, n);
		kith_sha_get(part->by_libcrypto, digest);
	} else {
		struct kith_sha256 copy;

		kith_sha256_add(&part->sha256, data, n);
		copy = part->sha256;
		kith_sha256_end(&copy, digest);
	}
	pair->key = kith_get_be64(digest);
	pair->value = part->at++;
}

static void *fill_part(void *arg)
{
	struct part *part = arg;
	uint8_t step[PAGE_STEP];
	size_t n, more;
	unsigned byte;

	if (part->byte >= 0) {
		memset(step, part->byte, sizeof step);
		reset(part);
		for (n = 0; n < LONG_MAX && !part->table->unwanted; n += more) {
			more = n < SECTOR_MAX ? SECTOR : PAGE_STEP;
			add(part, step, more);
		}
		return NULL;
	}
	reset(part);
	add(part, step, 0);
	for (byte = 0; byte < 256 && !part->table->unwanted; byte++) {
		step[0] = (uint8_t)byte;
		reset(part);
		for (n = 1; n <= SHORT_MAX; n++)
			add(part, step, 1);
	}
	return NULL;
}

/* The inputs come first: these digests are wanted when those are read. */
static void *in_thread(void *arg)
{
	id_t self = (id_t)gettid();

	(void)setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + THREAD_NICE);
	return fill_part(arg);
}

/* Begins to fill the table, each part in a thread of its own where there is one to be had. */
static void start(struct table *table, enum kith_digest kind)
{
	static const int bytes[PARTS] = {-1, 0x00, 0x20, 0xff};
	sigset_t all, before;
	size_t i;

	table->n = SHORTS + (PARTS - 1) * LONGS;
	table->pairs = malloc(table->n * sizeof *table->pairs);
	table->digests = malloc(table->n * sizeof *table->digests);
	table->failed = table->pairs == NULL || table->digests == NULL;
	for (i = 0; i < PARTS; i++) {
		struct part *part = &table->parts[i];
		bool own = kind == KITH_SHA256 && bytes[i] < 0;

		part->table = table;
		part->at = i == 0 ? 0 : SHORTS + (i - 1) * LONGS;
		part->byte = bytes[i];
		kith_sha256_init(&part->first);
		part->by_libcrypto = own ? NULL : kith_sha_new(kind);
		if (!own && part->by_libcrypto == NULL)
			table->failed = true;
	}
	/* Signals are for the threads that look whether there were any. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; !table->failed && i < PARTS; i++)
		table->parts[i].started =
		    pthread_create(&table->parts[i].thread, NULL, in_thread, &table->parts[i]) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Waits for the threads; what none was started for is done now. */
static bool finish(struct table *table)
{
	size_t i, n;

	if (table->ready)
		return true;
	for (i = 0; i < PARTS; i++) {
		struct part *part = &table->parts[i];

		if (part->started)
			(void)pthread_join(part->thread, NULL);
		else if (!table->failed)
			(void)fill_part(part);
		part->started = false;
		kith_sha_free(part->by_libcrypto);
		part->by_libcrypto = NULL;
	}
	if (table->failed)
		return false;
	kith_sort_pairs(table->pairs, table->n);
	for (i = 0, n = 0; i <= BUCKETS; i++) {
		while (n < table->n && table->pairs[n].key >> 48 < i)
			n++;
		table->first[i] = (uint32_t)n;
	}
	table->ready = true;
	return true;
}

static void table_done(struct table *table)
{
	size_t i;

	table->unwanted = true;
	for (i = 0; i < PARTS; i++) {
		if (table->parts[i].started)
			(void)pthread_join(table->parts[i].thread, NULL);
		kith_sha_free(table->parts[i].by_libcrypto);
	}
	free(table->pairs);
	free(table->digests);
}

struct kith_trivial *kith_trivial_new(void)
{
	struct kith_trivial *trivial = calloc(1, sizeof *trivial);

	if (trivial != NULL)
		start(&trivial->sha256, KITH_SHA256);
	return trivial;
}

bool kith_trivial_wait(struct kith_trivial *trivial)
{
	return finish(&trivial->sha256);
}

bool kith_trivial_add_sha1(struct kith_trivial *trivial)
{
	start(&trivial->sha1, KITH_SHA1);
	return finish(&trivial->sha1);
}

void kith_trivial_free(struct kith_trivial *trivial)
{
	if (trivial == NULL)
		return;
	table_done(&trivial->sha256);
	table_done(&trivial->sha1);
	free(trivial);
}

bool kith_trivial_has(const struct kith_trivial *trivial, enum kith_digest kind,
		      const uint8_t *digest)
{
	const struct table *table = kind == KITH_SHA256 ? &trivial->sha256 : &trivial->sha1;
	uint64_t key = kith_get_be64(digest);
	uint32_t i = table->first[key >> 48], end = table->first[(key >> 48) + 1];

	for (; i < end; i++)
		if (table->pairs[i].key == key && memcmp(table->digests[table->pairs[i].value],
							 digest, kith_digest_size(kind)) == 0)
			return true;
	return false;
}
