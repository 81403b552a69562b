/* SPDX-License-Identifier: Apache-2.0 */
/* One set, a reader in each of several threads; the preset tsan watches. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_set.h"

#define FILES     3000u
#define SHA1_ONLY 50u
#define THREADS   4u

static kith_set *set;

struct job {
	pthread_t thread;
	unsigned number;
	unsigned found;
	bool good;
};

/* Every thread looks every file up, in another order; cmocka's assertions are for one thread. */
static void *work(void *user)
{
	struct job *job = user;
	struct fixture_file *want = malloc(sizeof *want);
	kith_reader *reader = NULL;
	kith_cursor *cursor = NULL;
	struct kith_file file;
	uint64_t i, walked = 0;

	if (want == NULL || kith_reader_open(set, &reader, NULL) != KITH_OK)
		goto out;
	for (i = 0; i < FILES; i++) {
		uint64_t number = (i * 7 + job->number * 1000) % FILES;
		struct kith_bytes name;
		struct kith_place place;

		fixture_file(number, FILES, false, want);
		if (kith_lookup(reader, KITH_SHA256, want->key, 32, &file) == KITH_OK &&
		    file.n_occurrences == want->n_occs &&
		    kith_name(reader, (uint32_t)(number % FIXTURE_NAMES), &name) == KITH_OK &&
		    kith_place(reader, (uint32_t)(number % FIXTURE_PLACES), &place) == KITH_OK)
			job->found++;
	}
	job->good = kith_cursor_open(reader, KITH_TABLE_FILE, NULL, 0, &cursor, NULL) == KITH_OK;
	while (job->good && kith_cursor_next(cursor, &file) == KITH_OK)
		walked++;
	job->good =
	    job->good && walked == FILES && kith_reader_check(reader, NULL, NULL, NULL) == KITH_OK;
out:
	kith_cursor_close(cursor);
	kith_reader_close(reader);
	free(want);
	return NULL;
}

static void threads_with_readers_of_their_own_all_find_everything(void **state)
{
	static struct job jobs[THREADS];
	unsigned i;

	(void)state;
	assert_non_null(fixture_folder());
	assert_true(fixture_set_write(fixture_path("good.kith"), FILES, SHA1_ONLY));
	assert_int_equal(kith_set_open(fixture_path("good.kith"), &set, NULL), KITH_OK);
	for (i = 0; i < THREADS; i++) {
		jobs[i].number = i;
		assert_int_equal(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
		assert_int_equal(jobs[i].found, FILES);
		assert_true(jobs[i].good);
	}
	kith_set_close(set);
	fixture_folder_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_with_readers_of_their_own_all_find_everything),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
