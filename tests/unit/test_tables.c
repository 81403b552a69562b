/* SPDX-License-Identifier: Apache-2.0 */
/* What libkith tells of names, places, products and the set itself; fixture_set.c knows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fixture_set.h"

#define FILES     200u
#define SHA1_ONLY 10u

static kith_set *set;
static kith_reader *reader;

static int open_set(void **state)
{
	(void)state;
	return fixture_open(FILES, SHA1_ONLY, &set, &reader) ? 0 : -1;
}

static int close_set(void **state)
{
	(void)state;
	fixture_close(set, reader);
	return 0;
}

static void names_and_places_are_found_by_rank_and_name(void **state)
{
	char text[64];
	uint32_t rank, found;

	(void)state;
	for (rank = 0; rank < FIXTURE_NAMES; rank++) {
		size_t n = fixture_name(rank, text);
		struct kith_bytes name;

		assert_int_equal(kith_name(reader, rank, &name), KITH_OK);
		assert_int_equal(name.n, n);
		assert_memory_equal(name.data, text, n);
		assert_int_equal(kith_name_find(reader, text, n, &found), KITH_OK);
		assert_int_equal(found, rank);
		assert_int_equal(kith_name_find(reader, text, n - 1, &found), KITH_NOT_FOUND);
	}
	assert_int_equal(kith_name_find(reader, "", 0, &found), KITH_NOT_FOUND);
	assert_int_equal(kith_name_find(reader, "zzz", 3, &found), KITH_NOT_FOUND);
	for (rank = 0; rank < FIXTURE_PLACES; rank++) {
		enum kith_place_kind kind;
		uint32_t parent, ref;
		size_t n = fixture_place(rank, text, &kind, &parent);
		struct kith_place place;

		assert_int_equal(kith_place(reader, rank, &place), KITH_OK);
		assert_int_equal(place.kind, kind);
		assert_int_equal(place.parent, parent);
		assert_int_equal(place.name.n, n);
		assert_memory_equal(place.name.data, text, n);
		assert_int_equal(kith_list_rank(&place.refs, &ref),
				 kind == KITH_PLACE_FOLDER ? KITH_END : KITH_OK);
	}
}

static void a_rank_behind_the_last_is_an_argument_error(void **state)
{
	struct kith_bytes name;
	struct kith_place place;
	struct kith_product product;
	struct kith_distributor distributor;
	struct kith_source source;

	(void)state;
	assert_int_equal(kith_name(reader, FIXTURE_NAMES, &name), KITH_E_ARG);
	assert_int_equal(kith_name(reader, UINT32_MAX, &name), KITH_E_ARG);
	assert_int_equal(kith_place(reader, FIXTURE_PLACES, &place), KITH_E_ARG);
	assert_int_equal(kith_product(reader, FIXTURE_PRODUCTS, &product), KITH_E_ARG);
	assert_int_equal(kith_distributor(reader, 2, &distributor), KITH_E_ARG);
	assert_int_equal(kith_source(reader, 1, &source), KITH_E_ARG);
}

static void products_distributors_and_sources_have_their_fields(void **state)
{
	struct kith_product product;
	struct kith_distributor distributor;
	struct kith_source source;
	struct kith_bytes text;
	uint32_t rank;

	(void)state;
	assert_int_equal(kith_product(reader, 2, &product), KITH_OK);
	assert_memory_equal(product.name.data, "Product 2", 9);
	assert_int_equal(product.distributors.left, 2);
	assert_int_equal(kith_list_rank(&product.distributors, &rank), KITH_OK);
	assert_int_equal(kith_list_rank(&product.distributors, &rank), KITH_OK);
	assert_int_equal(rank, 1);
	assert_int_equal(kith_list_text(&product.systems, &text), KITH_OK);
	assert_int_equal(text.n, 8);
	assert_memory_equal(text.data, "Amiga, 3", 8);
	assert_int_equal(kith_distributor(reader, 1, &distributor), KITH_OK);
	assert_int_equal(distributor.flags, KITH_IS_PLACEHOLDER);
	assert_int_equal(kith_source(reader, 0, &source), KITH_OK);
	assert_int_equal(source.evidence, KITH_REFERENCE);
	assert_memory_equal(source.label.data, "A fixture", 9);
}

static int count_ledger(const struct kith_ledger_entry *entry, void *user)
{
	uint64_t *sum = user;

	*sum += entry->count;
	return 0;
}

static int stop_at_format(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
			  void *user)
{
	int *calls = user;

	(void)value;
	(void)value_n;
	++*calls;
	return key_n == 6 && memcmp(key, "format", 6) == 0;
}

static void meta_and_ledger_are_walked_until_the_caller_stops(void **state)
{
	uint64_t sum = 0;
	int calls = 0;

	(void)state;
	assert_int_equal(kith_ledger_each(reader, count_ledger, &sum), KITH_OK);
	assert_int_equal(sum, FILES + 2);
	assert_int_equal(kith_meta_each(reader, stop_at_format, &calls), KITH_E_CANCELLED);
	assert_int_equal(calls, 13); /* anchor, eleven counts, format */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_places_are_found_by_rank_and_name),
	    cmocka_unit_test(a_rank_behind_the_last_is_an_argument_error),
	    cmocka_unit_test(products_distributors_and_sources_have_their_fields),
	    cmocka_unit_test(meta_and_ledger_are_walked_until_the_caller_stops),
	};

	return cmocka_run_group_tests_name("tables", tests, open_set, close_set);
}
