/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update_facts.h: what the names of files tell of a Windows update, which is a cabinet or a WIM:
 * that it is one, and the number of its article ("KB5034441" in
 * "Windows10.0-KB5034441-x64.cab").
 */
#ifndef KITH_EXTRACT_UPDATE_FACTS_H
#define KITH_EXTRACT_UPDATE_FACTS_H

#include "containers/container.h"

struct kith_update_facts {
	bool is_msu;     /* files that only standalone updates have */
	char number[12]; /* digits of the article; empty: not known */
	unsigned rank;   /* of the name that it is from: the smaller the better */
};

/* A file in the container, or the container's own name: in is_inside is told which. All zero
 * before the first. A payload of deltas (.psf) is noted. */
enum kith_status kith_update_look(struct kith_update_facts *facts, struct kith_emit *emit,
				  const uint8_t *name, size_t n, bool is_inside,
				  struct kith_err *err);

/* Emits what was found. */
enum kith_status kith_update_tell(const struct kith_update_facts *facts, struct kith_emit *emit,
				  struct kith_err *err);

#endif
