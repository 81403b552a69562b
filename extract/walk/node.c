/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c: nodes, and which containers are opened. What must hold: the same bytes under the same
 * last name at the same depth of one input are walked once; what a container expects of one in it
 * is compared, so such a one is always walked. (The last name counts, because a container's entry
 * may be named after it: x.gz holds x. The depth counts, because limits of depth do.)
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sha256.h"
#include "walk/walk_int.h"
#include "workers/formats.h"

enum kith_status walk_add_node(struct kith_walk *walk, const struct kith_walk_node *from,
			       const uint8_t *sha256, uint64_t spooled, uint32_t *ret,
			       struct kith_err *err)
{
	struct kith_walk_node report = *from;
	struct walk_node *node;

	if (walk->n_nodes == walk->cap_nodes) {
		size_t bytes, cap = walk->cap_nodes == 0 ? 256 : walk->cap_nodes * 2;
		struct walk_node *grown = NULL;

		if (cap < KITH_NO_NODE && kith_mul_size(cap, sizeof *grown, &bytes))
			grown = realloc(walk->nodes, bytes);
		if (grown == NULL)
			return kith_fail_nomem(err);
		walk->nodes = grown;
		walk->cap_nodes = cap;
	}
	node = &walk->nodes[walk->n_nodes];
	memset(node, 0, sizeof *node);
	node->parent = from->parent;
	node->input = from->input;
	node->depth = from->depth;
	node->spooled = spooled;
	if (sha256 != NULL) {
		node->hashed = true;
		memcpy(node->sha256, sha256, KITH_SHA256_SIZE);
	}
	report.sha256 = sha256;
	report.node = (uint32_t)walk->n_nodes++;
	*ret = report.node;
	return walk->sink.node(walk->sink.user, &report, err);
}

static bool contains_itself(const struct kith_walk *walk, const struct walk_child *child)
{
	const struct walk_input *input = &walk->inputs[child->input];
	uint32_t at;

	if (child->digests == NULL || child->parent == KITH_NO_NODE)
		return false;
	for (at = child->parent; at != KITH_NO_NODE; at = walk->nodes[at].parent) {
		/* The digests of such an input come late, sooner or later by chance: what has the
		 * same bytes is opened once, and ends what lies in itself one container further
		 * down. */
		if (walk->nodes[at].parent == KITH_NO_NODE && input->size >= KITH_EARLY_BYTES)
			break;
		if (walk->nodes[at].hashed &&
		    memcmp(walk->nodes[at].sha256, child->digests->sha256, KITH_SHA256_SIZE) == 0)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------- the same bytes */

static void alias_key(const struct walk_child *child, uint32_t depth, uint8_t ret_key[16])
{
	uint8_t digest[KITH_SHA256_SIZE];
	struct kith_sha256 sha;
	size_t at = child->name_n;

	while (at > 0 && child->name[at - 1] != '/')
		at--;
	kith_sha256_init(&sha);
	kith_sha256_add(&sha, child->digests->sha256, KITH_SHA256_SIZE);
	kith_sha256_add(&sha, &depth, sizeof depth);
	kith_sha256_add(&sha, &child->input, sizeof child->input);
	kith_sha256_add(&sha, child->name + at, child->name_n - at);
	kith_sha256_end(&sha, digest);
	memcpy(ret_key, digest, 16);
}

static struct walk_alias *alias_slot(const struct kith_walk *walk, const uint8_t key[16])
{
	size_t at = (size_t)kith_get_le64(key);

	for (;; at++) {
		struct walk_alias *slot = &walk->aliases[at & (walk->cap_aliases - 1)];

		if (slot->node == KITH_NO_NODE || memcmp(slot->key, key, 16) == 0)
			return slot;
	}
}

static enum kith_status grow_aliases(struct kith_walk *walk, struct kith_err *err)
{
	struct walk_alias *old = walk->aliases;
	size_t i, n = walk->cap_aliases, cap = n == 0 ? 256 : n * 2;

	if ((walk->n_aliases + 1) * 4 <= n * 3)
		return KITH_OK;
	walk->aliases = malloc(cap * sizeof *old);
	if (walk->aliases == NULL) {
		walk->aliases = old;
		return kith_fail_nomem(err);
	}
	walk->cap_aliases = cap;
	for (i = 0; i < cap; i++)
		walk->aliases[i].node = KITH_NO_NODE;
	for (i = 0; i < n; i++)
		if (old[i].node != KITH_NO_NODE)
			*alias_slot(walk, old[i].key) = old[i];
	free(old);
	return KITH_OK;
}

/* ------------------------------------------------------------------- children */

static const char *refusal(struct kith_walk *walk, const struct walk_child *child, uint32_t depth)
{
	if (depth >= walk->limits.depth)
		return "over the limit of depth";
	if (contains_itself(walk, child))
		return "a container that contains itself";
	if (walk->inputs[child->input].full)
		return "over the limit of bytes of one input";
	return walk_zygote_lacks(walk, child->format);
}

static enum kith_status new_job(struct kith_walk *walk, const struct walk_child *child,
				const struct kith_format_info *info, uint32_t node,
				struct walk_expect *expect, struct kith_err *err)
{
	struct walk_job *job = walk_job_new(walk);

	if (job == NULL) {
		walk_expect_free(walk, expect);
		walk_source_drop(walk, child->source);
		return kith_fail_nomem(err);
	}
	job->source = child->source;
	job->expect = expect;
	job->node = node;
	job->input = child->input;
	job->depth = walk->nodes[node].depth;
	job->format = child->format;
	job->worker = info->worker;
	job->size = child->size;
	job->name = malloc(child->name_n + 1);
	job->extents = malloc((child->n_extents + 1) * sizeof *job->extents);
	if (child->path != NULL)
		job->path = strdup(child->path);
	if (job->name == NULL || job->extents == NULL ||
	    (child->path != NULL && job->path == NULL)) {
		walk_job_free(walk, job);
		return kith_fail_nomem(err);
	}
	memcpy(job->name, child->name, child->name_n);
	job->name_n = child->name_n;
	if (child->n_extents > 0)
		memcpy(job->extents, child->extents, child->n_extents * sizeof *job->extents);
	job->n_extents = child->n_extents;
	if (child->from != NULL && child->from->children != NULL &&
	    info->worker == KITH_WORKER_WIM) {
		job->siblings = child->from->children;
		job->siblings->refs++;
	}
	walk->inputs[child->input].pending++;
	walk->bytes_total += child->size;
	if (job->siblings != NULL && !job->siblings->complete) {
		job->next = job->siblings->held;
		job->siblings->held = job;
	} else {
		walk_job_queue(walk, job);
	}
	return KITH_OK;
}

enum kith_status walk_open_child(struct kith_walk *walk, const struct walk_child *child,
				 const char **ret_reason, struct kith_err *err)
{
	const struct kith_format_info *info = kith_worker_format(child->format);
	uint32_t depth = child->parent == KITH_NO_NODE ? 0 : walk->nodes[child->parent].depth + 1;
	uint64_t spooled = 0;
	struct walk_alias *alias = NULL;
	struct walk_expect *expect = NULL;
	struct kith_walk_node report;
	enum kith_status st = KITH_OK;
	const char *reason = refusal(walk, child, depth);
	uint8_t key[16];
	uint32_t node;

	if (reason != NULL) {
		walk_source_drop(walk, child->source);
		if (ret_reason != NULL) {
			*ret_reason = reason;
			return KITH_NOT_FOUND;
		}
		st = walk_note(walk, child->parent, KITH_LEDGER_SKIPPED, reason, 1, child->name,
			       child->name_n, err);
		return st < 0 ? st : KITH_NOT_FOUND;
	}
	if (child->from != NULL && info->worker == KITH_WORKER_WIM)
		st = walk_family_add(child->from, child, child->source, err);
	if (child->from != NULL)
		expect = walk_expect_take(child->from, child->name, child->name_n);
	if (st >= 0 && child->digests != NULL)
		st = grow_aliases(walk, err);
	if (st < 0) {
		walk_expect_free(walk, expect);
		walk_source_drop(walk, child->source);
		return st;
	}
	if (child->digests != NULL) {
		alias_key(child, depth, key);
		alias = alias_slot(walk, key);
	}
	report = (struct kith_walk_node){
	    .parent = child->parent,
	    .same_as = alias != NULL && expect == NULL ? alias->node : KITH_NO_NODE,
	    .input = child->input,
	    .kind = info->kind,
	    .format = info->name,
	    .name = child->name,
	    .name_n = child->name_n,
	    .depth = depth,
	};
	if (child->from != NULL && child->source != NULL && child->source != child->from->source)
		spooled = child->source->charged;
	if (child->parent != KITH_NO_NODE)
		spooled += walk->nodes[child->parent].spooled;
	st = walk_add_node(walk, &report, child->digests == NULL ? NULL : child->digests->sha256,
			   spooled, &node, err);
	if (st < 0 || report.same_as != KITH_NO_NODE) {
		walk_expect_free(walk, expect);
		walk_source_drop(walk, child->source);
		return st < 0 ? st : KITH_OK;
	}
	if (alias != NULL && alias->node == KITH_NO_NODE) {
		memcpy(alias->key, key, sizeof key);
		alias->node = node;
		walk->n_aliases++;
	}
	return new_job(walk, child, info, node, expect, err);
}
