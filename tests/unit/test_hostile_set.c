/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets that are cut off or have damaged bytes: opening, checking and looking up in them ends with a
 * status, and a set that passes the check and has its dump answers as before.
 *
 * LMDB follows what it finds in a page, so a damaged page may make it fault (SIGBUS, SIGSEGV), as
 * kith.h says. Each damage is therefore tried in a child; a fault is accepted when LMDB is on the
 * stack, and in no other case.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dump.h"
#include "fixture_set.h"

#define FILES     300u
#define SHA1_ONLY 40u

enum { EXIT_GOOD = 0, EXIT_WRONG = 40, EXIT_IN_LMDB = 41, EXIT_FAULT = 42 };

/* What parent and child share: how far the child came, and what came out. */
struct shared {
	unsigned round;
	unsigned refused, failed_check, passed, same, in_lmdb;
	char what[200];
};

static struct shared *shared;
static uint8_t *good; /* the undamaged file */
static size_t good_n;
static uint64_t good_dump;
static char set_path[512];
static struct fixture_file files[FILES];
static uint64_t answers[FILES];

/* ------------------------------------------------------------------- dump */

/* FNV-1a: the dump only has to differ when something in it does */
static uint64_t hash(uint64_t h, const struct kith_buf *buf)
{
	size_t i;

	for (i = 0; i < buf->n; i++)
		h = (h ^ buf->data[i]) * UINT64_C(0x100000001b3);
	return h;
}

struct dump {
	struct kith_buf buf;
	uint64_t h;
};

static bool take(struct dump *dump, bool made)
{
	dump->h = hash(dump->h, &dump->buf);
	dump->buf.n = 0;
	return made;
}

static int dump_meta(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
		     void *user)
{
	struct dump *dump = user;

	return kith_dump_has_meta(key, key_n) &&
	       !take(dump, kith_dump_meta(&dump->buf, key, key_n, value, value_n));
}

static int dump_ledger(const struct kith_ledger_entry *entry, void *user)
{
	struct dump *dump = user;

	return !take(dump, kith_dump_ledger(&dump->buf, entry));
}

static bool dump_table(struct dump *dump, kith_reader *reader, enum kith_table table)
{
	kith_cursor *cursor;
	struct kith_file file;
	enum kith_status st;

	if (kith_cursor_open(reader, table, NULL, 0, &cursor, NULL) < 0)
		return false;
	while ((st = kith_cursor_next(cursor, &file)) == KITH_OK)
		if (!take(dump, kith_dump_file(&dump->buf, &file)))
			break;
	kith_cursor_close(cursor);
	return st == KITH_END;
}

/* 0 when the set cannot be dumped. */
static uint64_t dump_set(kith_set *set, kith_reader *reader)
{
	struct dump dump = {.h = UINT64_C(0xcbf29ce484222325)};
	struct kith_set_info info;
	struct kith_source source;
	struct kith_distributor distributor;
	struct kith_product product;
	struct kith_place place;
	struct kith_bytes name;
	bool ok = true;
	uint32_t i;

	kith_set_info(set, &info);
	for (i = 0; i < info.sources && ok; i++)
		ok = kith_source(reader, i, &source) == KITH_OK &&
		     take(&dump, kith_dump_source(&dump.buf, i, &source));
	for (i = 0; i < info.distributors && ok; i++)
		ok = kith_distributor(reader, i, &distributor) == KITH_OK &&
		     take(&dump, kith_dump_distributor(&dump.buf, i, &distributor));
	for (i = 0; i < info.products && ok; i++)
		ok = kith_product(reader, i, &product) == KITH_OK &&
		     take(&dump, kith_dump_product(&dump.buf, i, &product));
	for (i = 0; i < info.places && ok; i++)
		ok = kith_place(reader, i, &place) == KITH_OK &&
		     take(&dump, kith_dump_place(&dump.buf, i, &place));
	for (i = 0; i < info.names && ok; i++)
		ok = kith_name(reader, i, &name) == KITH_OK &&
		     take(&dump, kith_dump_name(&dump.buf, i, name));
	ok = ok && dump_table(&dump, reader, KITH_TABLE_SHA1_ONLY) &&
	     dump_table(&dump, reader, KITH_TABLE_FILE) &&
	     kith_ledger_each(reader, dump_ledger, &dump) == KITH_OK &&
	     kith_meta_each(reader, dump_meta, &dump) == KITH_OK;
	kith_buf_done(&dump.buf);
	return ok ? dump.h : 0;
}

static uint64_t answer_of(const struct kith_file *file)
{
	struct dump dump = {.h = UINT64_C(0xcbf29ce484222325)};
	bool ok = take(&dump, kith_dump_file(&dump.buf, file));

	kith_buf_done(&dump.buf);
	return ok ? dump.h : 0;
}

/* ---------------------------------------------------------------- one set */

static void wrong(const char *what, unsigned i)
{
	(void)snprintf(shared->what, sizeof shared->what, "%s, %u", what, i);
	_exit(EXIT_WRONG);
}

/*
 * Looks everything up. passed: the set passed the check, so a digest that was never in it is not
 * found; same: and its dump is what it was, so each answer must be too.
 */
static void look_up_all(kith_reader *reader, const int *has_index, bool passed, bool same)
{
	unsigned i, kind;

	for (i = 0; i < FILES; i++) {
		const struct kith_claim *own = &files[i].claims[0];
		const uint8_t *digests[KITH_DIGESTS] = {
		    files[i].key, own->has & KITH_REC_HAS_SHA1 ? own->sha1 : NULL,
		    own->has & KITH_REC_HAS_MD5 ? own->md5 : NULL};
		uint8_t unknown[32];

		fixture_unknown(i, unknown);
		for (kind = 0; kind < KITH_DIGESTS; kind++) {
			size_t n = kith_digest_size((enum kith_digest)kind), all;
			struct kith_file file, several[4];
			enum kith_status st, miss;

			miss = kith_lookup(reader, (enum kith_digest)kind, unknown, n, &file);
			if (passed &&
			    miss != (has_index[kind] ? KITH_NOT_FOUND : KITH_NO_REFERENCE))
				wrong("an unknown digest is known", i);
			if (digests[kind] == NULL)
				continue;
			st = kith_lookup(reader, (enum kith_digest)kind, digests[kind], n, &file);
			if (st == KITH_OK && kind == KITH_SHA256 &&
			    memcmp(file.sha256, files[i].key, 32) != 0)
				wrong("another file is found", i);
			if (same && st != (has_index[kind] ? KITH_OK : KITH_NO_REFERENCE))
				wrong("a file is not found", i);
			if (st == KITH_OK && kind != KITH_MD5 && answer_of(&file) != answers[i] &&
			    same)
				wrong("the answer differs", i);
			if (kith_lookup_all(reader, (enum kith_digest)kind, digests[kind], n,
					    several, 4, &all) != st &&
			    passed)
				wrong("one and all differ", i);
			if (kith_lookup_many(reader, (enum kith_digest)kind, digests[kind], 1,
					     several, &miss) < 0 &&
			    miss >= 0)
				wrong("many has a status that no digest has", i);
			if (miss != st && passed)
				wrong("one and many differ", i);
		}
	}
}

static void try_set(void)
{
	struct kith_set_info info;
	struct kith_err err = {0};
	kith_reader *reader;
	kith_set *set;
	bool passed, same;
	uint32_t rank;
	enum kith_status st;

	st = kith_set_open(set_path, &set, &err);
	if (st < 0) {
		shared->refused++;
		if (err.msg[0] == '\0' || err.status != st)
			wrong("no message", 0);
		return;
	}
	if (kith_reader_open(set, &reader, &err) < 0)
		wrong("no reader", 0);
	kith_set_info(set, &info);
	st = kith_reader_check(reader, NULL, NULL, &err);
	passed = st == KITH_OK;
	if (!passed && (err.msg[0] == '\0' || err.status != st))
		wrong("no message", 0);
	shared->passed += passed;
	shared->failed_check += !passed;
	same = dump_set(set, reader) == good_dump && passed;
	shared->same += same;
	st = kith_name_find(reader, "name-000500", 11, &rank);
	if (same && (st != KITH_OK || rank != 500))
		wrong("a name is not found", 500);
	look_up_all(reader, info.has_index, passed, same);
	kith_reader_close(reader);
	kith_set_close(set);
}

/* --------------------------------------------------------------- children */

static void on_fault(int signal)
{
	void *frames[64];
	int n = backtrace(frames, 64), i;
	Dl_info lmdb, info;

	(void)signal;
	if (dladdr((void *)(uintptr_t)mdb_env_open, &lmdb) == 0)
		_exit(EXIT_FAULT);
	for (i = 0; i < n; i++)
		if (dladdr(frames[i], &info) != 0 && info.dli_fbase == lmdb.dli_fbase)
			_exit(EXIT_IN_LMDB);
	_exit(EXIT_FAULT);
}

static void write_file(const uint8_t *data, size_t n)
{
	int fd = open(set_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n || close(fd) != 0)
		_exit(EXIT_FAULT);
}

/* Makes damage number `round` and tries the set; false when there is no such round. */
typedef bool (*damage_fn)(unsigned round);

static void run_child(damage_fn damage)
{
	struct sigaction action = {.sa_handler = on_fault};
	void *frame;

	(void)backtrace(&frame, 1); /* loads what it needs, so that the handler need not */
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
	while (damage(shared->round))
		shared->round++;
	_exit(EXIT_GOOD);
}

static void run(damage_fn damage)
{
	memset(shared, 0, sizeof *shared);
	for (;;) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			run_child(damage);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status))
			fail_msg("round %u: signal %d", shared->round, WTERMSIG(status));
		if (WEXITSTATUS(status) == EXIT_GOOD)
			break;
		if (WEXITSTATUS(status) != EXIT_IN_LMDB)
			fail_msg("round %u: exit %d %s", shared->round, WEXITSTATUS(status),
				 shared->what);
		shared->in_lmdb++;
		shared->round++;
	}
	print_message("%u rounds: %u refused at opening, %u by the check, %u passed "
		      "(%u with the same dump), %u faulted inside LMDB\n",
		      shared->round, shared->refused, shared->failed_check, shared->passed,
		      shared->same, shared->in_lmdb);
}

/* ------------------------------------------------------------------ tests */

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Changes a byte, tries, and changes it back. */
static void try_byte(size_t at, uint8_t flip)
{
	static uint8_t *bytes;

	if (bytes == NULL) {
		bytes = malloc(good_n);
		if (bytes == NULL)
			_exit(EXIT_FAULT);
		memcpy(bytes, good, good_n);
	}
	bytes[at] ^= flip;
	write_file(bytes, good_n);
	try_set();
	bytes[at] ^= flip;
}

static bool undamaged(unsigned round)
{
	if (round == 1)
		return false;
	write_file(good, good_n);
	try_set();
	return true;
}

static void the_undamaged_set_passes(void **state)
{
	(void)state;
	run(undamaged);
	assert_int_equal(shared->passed, 1);
}

static bool truncate_at(unsigned round)
{
	/* all lengths near the start, then steps that meet every part of a page */
	size_t n = round < 300 ? round : 300 + (size_t)(round - 300) * 1021;

	if (n >= good_n)
		return false;
	write_file(good, n);
	try_set();
	return true;
}

static void a_truncated_set_is_refused_at_opening(void **state)
{
	(void)state;
	run(truncate_at);
	assert_true(shared->round > 300);
	assert_int_equal(shared->refused, shared->round);
}

static bool flip_in_meta_pages(unsigned round)
{
	/* LMDB's head: two pages that begin with some 150 bytes */
	if (round >= 2 * 160)
		return false;
	try_byte(round % 160 + round / 160 * 4096, (uint8_t)(1u << mix(round) % 8));
	return true;
}

static void damage_in_the_head_of_the_file_is_harmless(void **state)
{
	(void)state;
	run(flip_in_meta_pages);
}

static bool flip_in_page_heads(unsigned round)
{
	/* number, flags, bounds and the first node offsets of a page: what LMDB follows */
	if (round >= 600)
		return false;
	try_byte(mix(round) % (good_n / 4096) * 4096 + mix(round + 7000) % 64,
		 (uint8_t)(1u << mix(round + 9000) % 8));
	return true;
}

static void damage_in_the_heads_of_pages_is_harmless(void **state)
{
	(void)state;
	run(flip_in_page_heads);
}

static bool flip_anywhere(unsigned round)
{
	size_t at = mix(round + 100000) % good_n;

	if (round >= 1500)
		return false;
	/* free space says nothing: take the next byte that is not zero */
	while (good[at] == 0)
		at = (at + 1) % good_n;
	try_byte(at, (uint8_t)(1u << mix(round + 200000) % 8));
	return true;
}

static void damage_anywhere_is_harmless(void **state)
{
	(void)state;
	run(flip_anywhere);
	/* most bytes are seen by the check or the opening */
	assert_true(shared->failed_check + shared->refused > shared->round / 4);
}

static bool overwrite(unsigned round)
{
	uint8_t *bytes;
	size_t at = mix(round + 300000) % good_n, n = 1 + mix(round + 400000) % 600, i;

	if (round >= 300)
		return false;
	bytes = malloc(good_n);
	if (bytes == NULL)
		_exit(EXIT_FAULT);
	memcpy(bytes, good, good_n);
	for (i = 0; i < n && at + i < good_n; i++)
		bytes[at + i] = round % 3 == 0 ? 0xff : (uint8_t)mix(round * 1000 + i);
	write_file(bytes, good_n);
	free(bytes);
	try_set();
	return true;
}

static void overwritten_parts_are_harmless(void **state)
{
	(void)state;
	run(overwrite);
}

/* Every slot of every index full of one value: a search must end. */
static bool fill_index(unsigned round)
{
	static const uint8_t magic[] = KITH_INDEX_MAGIC;
	uint8_t *bytes = malloc(good_n), *at;

	if (round >= 20 || bytes == NULL)
		return false;
	memcpy(bytes, good, good_n);
	at = bytes;
	while ((at = memmem(at, good_n - (size_t)(at - bytes), magic, 8)) != NULL) {
		uint64_t lines = kith_get_le64(at + 8), i;
		uint64_t slot = round == 0 ? UINT64_MAX : mix(round);

		at += KITH_INDEX_HEAD;
		for (i = 0; i < lines * KITH_LINE_SLOTS && at + 8 <= bytes + good_n; i++, at += 8) {
			if (round % 2 == 1) /* the tags that are looked for, offsets at random */
				slot = kith_index_tag(files[i % FILES].key) |
				       (mix(i + round) & KITH_SLOT_OFFSET & 0x1ffff) |
				       (round % 4 == 1 ? KITH_SLOT_LARGE : 0);
			kith_put_le64(at, slot);
		}
	}
	write_file(bytes, good_n);
	free(bytes);
	try_set();
	return true;
}

static void a_full_index_ends_every_search(void **state)
{
	(void)state;
	run(fill_index);
	assert_int_equal(shared->passed, 0);
}

static int prepare(void **state)
{
	struct kith_err err;
	kith_reader *reader;
	kith_set *set;
	struct kith_file file;
	FILE *in;
	unsigned i;
	long size;

	(void)state;
	if (fixture_folder() == NULL ||
	    !fixture_set_write(fixture_path("good.kith"), FILES, SHA1_ONLY))
		return -1;
	(void)snprintf(set_path, sizeof set_path, "%s", fixture_path("damaged.kith"));
	in = fopen(fixture_path("good.kith"), "rb");
	if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) <= 0)
		return -1;
	rewind(in);
	good_n = (size_t)size;
	good = malloc(good_n);
	shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (good == NULL || shared == MAP_FAILED || fread(good, 1, good_n, in) != good_n)
		return -1;
	(void)fclose(in);
	if (kith_set_open(fixture_path("good.kith"), &set, &err) < 0 ||
	    kith_reader_open(set, &reader, &err) < 0)
		return -1;
	good_dump = dump_set(set, reader);
	for (i = 0; i < FILES; i++) {
		fixture_file(i, FILES, false, &files[i]);
		if (kith_lookup(reader, KITH_SHA256, files[i].key, 32, &file) != KITH_OK)
			return -1;
		answers[i] = answer_of(&file);
	}
	kith_reader_close(reader);
	kith_set_close(set);
	return good_dump != 0 ? 0 : -1;
}

static int clean_up(void **state)
{
	(void)state;
	free(good);
	(void)munmap(shared, sizeof *shared);
	fixture_folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_undamaged_set_passes),
	    cmocka_unit_test(a_truncated_set_is_refused_at_opening),
	    cmocka_unit_test(damage_in_the_head_of_the_file_is_harmless),
	    cmocka_unit_test(damage_in_the_heads_of_pages_is_harmless),
	    cmocka_unit_test(damage_anywhere_is_harmless),
	    cmocka_unit_test(overwritten_parts_are_harmless),
	    cmocka_unit_test(a_full_index_ends_every_search),
	};

	return cmocka_run_group_tests_name("hostile set", tests, prepare, clean_up);
}
