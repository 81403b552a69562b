/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_fixture.h: builds a set from one input in a folder of its own, and asks it. The tests of
 * sources go through the whole builder, so that they say what a source is good for.
 */
#ifndef KITH_TESTS_SOURCE_FIXTURE_H
#define KITH_TESTS_SOURCE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/build.h"
#include "kith.h"

struct source_fixture {
	char folder[64];  /* made by source_setup, removed by source_teardown */
	char input[128];  /* folder/input */
	char output[128]; /* folder/out.kith */
	kith_set *set;
	kith_reader *reader;
	struct kith_build_result result;
	struct kith_err err;
};

/* For cmocka: *state is a struct source_fixture. */
int source_setup(void **state);
int source_teardown(void **state);

/* Probes, builds and opens. A second call replaces the first set. */
enum kith_status source_build(struct source_fixture *f, const char *input, bool keep_going);

/* Writes a file in the folder. */
void source_write(struct source_fixture *f, const char *name, const void *data, size_t n);

/* Looks a file up by the hex of its SHA-256 or SHA-1. */
bool source_find(struct source_fixture *f, const char *hex, struct kith_file *ret_file);

/*
 * Is the file (of hex) known under that name, as text "A > B > name": the places from the root's
 * child on, then the name. Counts occurrences that read like this.
 */
unsigned source_count(struct source_fixture *f, const char *hex, const char *chain);

/* A product of the place with that name below the root: "name|version|distributors|systems|
 * languages|types|links", lists joined by ",". Number of products; the i-th is written to text. */
unsigned source_product(struct source_fixture *f, const char *place, unsigned i, char *text,
			size_t n);

/* Count of a ledger row, 0 when it is not there. */
uint64_t source_ledger(struct source_fixture *f, enum kith_ledger_class class_, const char *reason);

#endif
