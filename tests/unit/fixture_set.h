/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture_set.h: writes a set whose content is a function of a number, so that a test knows what
 * each lookup must answer without asking the library. It shares the encoders of lookup/base with
 * the builder, and nothing else.
 */
#ifndef KITH_TESTS_FIXTURE_SET_H
#define KITH_TESTS_FIXTURE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/record.h"
#include "kith.h"

#define FIXTURE_NAMES    1000u
#define FIXTURE_PRODUCTS 3u
#define FIXTURE_FOLDERS  40u /* below each product */
#define FIXTURE_PLACES   (1 + FIXTURE_PRODUCTS * (1 + FIXTURE_FOLDERS))
#define FIXTURE_OCCS_MAX 1500u

/* What file i of n is. i < n are in table `file`, those of sha1only have their own numbers. */
struct fixture_file {
	uint8_t key[KITH_SHA256_SIZE]; /* 20 bytes used for sha1only */
	uint8_t marks;
	size_t n_claims;
	struct kith_claim claims[2];
	size_t n_occs;
	uint64_t occs[FIXTURE_OCCS_MAX]; /* kith_occ_make() */
};

void fixture_file(uint64_t i, uint64_t n, bool sha1_only, struct fixture_file *ret);
/* A digest that no file has. */
void fixture_unknown(uint64_t i, uint8_t ret[KITH_SHA256_SIZE]);
/* The name with that rank; room for 64 bytes. Returns its length. */
size_t fixture_name(uint32_t rank, char *ret);
/* The name of the place with that rank. */
size_t fixture_place(uint32_t rank, char *ret, enum kith_place_kind *ret_kind,
		     uint32_t *ret_parent);

/* Writes the set to path; prints what failed and returns false. */
bool fixture_set_write(const char *path, uint64_t files, uint64_t sha1_only);

/* Makes a new empty folder and returns its path, in static storage; NULL when that fails. */
const char *fixture_folder(void);
/* Removes the files in the folder, and it. */
void fixture_folder_remove(void);
/* The path of a file in it, in one of four static buffers. */
const char *fixture_path(const char *name);

/* Writes a good set to a folder of its own and opens it; false, with the reason printed, when that
 * fails. */
bool fixture_open(uint32_t files, uint32_t sha1_only, kith_set **ret_set, kith_reader **ret_reader);
/* Closes it and removes the folder. */
void fixture_close(kith_set *set, kith_reader *reader);

#endif
