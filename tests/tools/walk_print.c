/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_print.c: walks inputs and prints all that is reported, as lines whose sorted order does not
 * depend on the number of workers:
 *
 *   node CHAIN format FORMAT [same CHAIN]
 *   file SHA256 SIZE CHAIN>NAME          stream, declared: likewise
 *   claim CHAIN>NAME KIND TEXT
 *   fact CHAIN KIND WEIGHT TEXT
 *   note CHAIN CLASS COUNT REASON: EXAMPLE
 *   input NAME SHA256
 *
 *   walk_print [--workers N] [--depth N] [--entries N] [--spool BYTES] [--member BYTES]
 *              [--bytes BYTES] [--ratio N] [--stall S] [--memory BYTES] [--scratch F] INPUT...
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "walk/walk.h"

static struct kith_buf *chains; /* of each node */
static size_t n_chains;

static void print_text(const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '\\')
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
	}
}

static void print_hex(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static void print_chain(uint32_t node)
{
	if (node < n_chains)
		print_text(chains[node].data, chains[node].n);
}

static enum kith_status on_node(void *user, const struct kith_walk_node *node, struct kith_err *err)
{
	struct kith_buf *grown = realloc(chains, (n_chains + 1) * sizeof *chains);
	struct kith_buf *chain;

	(void)user;
	(void)err;
	if (grown == NULL || node->node != n_chains)
		return KITH_E_NOMEM;
	chains = grown;
	chain = &chains[n_chains++];
	memset(chain, 0, sizeof *chain);
	if (node->parent != KITH_NO_NODE) {
		(void)kith_buf_add(chain, chains[node->parent].data, chains[node->parent].n);
		(void)kith_buf_add_byte(chain, '>');
	}
	if (!kith_buf_add(chain, node->name, node->name_n))
		return KITH_E_NOMEM;
	printf("node ");
	print_chain(node->node);
	printf(" format %s depth %u", node->format, node->depth);
	if (node->same_as != KITH_NO_NODE) {
		printf(" same ");
		print_chain(node->same_as);
	}
	putchar('\n');
	return KITH_OK;
}

static enum kith_status on_file(void *user, const struct kith_walk_file *file, struct kith_err *err)
{
	size_t i;

	(void)user;
	(void)err;
	if (file->digests == NULL)
		printf("declared%s ", file->declared_signed ? " signed" : "");
	else
		printf("%s ", file->kind == KITH_ENTRY_STREAM ? "stream" : "file");
	if (file->digests != NULL)
		print_hex(file->digests->sha256, KITH_SHA256_SIZE);
	else if (file->declared->has_sha256)
		print_hex(file->declared->sha256, KITH_SHA256_SIZE);
	printf(" %" PRIu64 " ", file->has_size ? file->size : 0);
	print_chain(file->node);
	putchar('>');
	print_text(file->name, file->name_n);
	putchar('\n');
	for (i = 0; i < KITH_FACTS; i++)
		if (file->claims[i].n > 0) {
			printf("claim ");
			print_chain(file->node);
			putchar('>');
			print_text(file->name, file->name_n);
			printf(" %zu ", i);
			print_text(file->claims[i].data, file->claims[i].n);
			putchar('\n');
		}
	return KITH_OK;
}

static enum kith_status on_fact(void *user, uint32_t node, enum kith_fact fact, unsigned weight,
				struct kith_bytes text, struct kith_err *err)
{
	(void)user;
	(void)err;
	printf("fact ");
	print_chain(node);
	printf(" %d %u ", (int)fact, weight);
	print_text(text.data, text.n);
	putchar('\n');
	return KITH_OK;
}

static enum kith_status on_note(void *user, uint32_t node, enum kith_ledger_class class_,
				const char *reason, uint64_t count, struct kith_bytes example,
				struct kith_err *err)
{
	static const char *const classes[] = {"", "count", "marked", "skipped", "failed"};

	(void)user;
	(void)err;
	printf("note ");
	print_chain(node);
	printf(" %s %" PRIu64 " %s: ", classes[class_], count, reason);
	print_text(example.data, example.n);
	putchar('\n');
	return KITH_OK;
}

static enum kith_status on_input(void *user, uint32_t input, const struct kith_digests *digests,
				 struct kith_err *err)
{
	char **paths = user;

	(void)err;
	printf("input %s ", paths[input]);
	if (digests != NULL)
		print_hex(digests->sha256, KITH_SHA256_SIZE);
	putchar('\n');
	return KITH_OK;
}

int main(int argc, char **argv)
{
	struct kith_walk_options options = {0};
	struct kith_walk_sink sink = {.node = on_node,
				      .file = on_file,
				      .fact = on_fact,
				      .note = on_note,
				      .input_done = on_input};
	struct kith_walk *walk = NULL;
	struct kith_err err = {0};
	enum kith_status st;
	int i;

	for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		uint64_t n = strtoull(argv[i + 1], NULL, 0);

		if (strcmp(argv[i], "--workers") == 0)
			options.workers = (unsigned)n;
		else if (strcmp(argv[i], "--depth") == 0)
			options.limits.depth = (unsigned)n;
		else if (strcmp(argv[i], "--entries") == 0)
			options.limits.entries = n;
		else if (strcmp(argv[i], "--spool") == 0)
			options.limits.spool_bytes = n;
		else if (strcmp(argv[i], "--member") == 0)
			options.limits.spool_member = n;
		else if (strcmp(argv[i], "--bytes") == 0)
			options.limits.file_bytes = n;
		else if (strcmp(argv[i], "--ratio") == 0)
			options.limits.ratio = (unsigned)n;
		else if (strcmp(argv[i], "--stall") == 0)
			options.limits.stall_seconds = (unsigned)n;
		else if (strcmp(argv[i], "--memory") == 0)
			options.limits.worker_memory = n;
		else if (strcmp(argv[i], "--scratch") == 0)
			options.scratch = argv[i + 1];
	}
	if (i >= argc) {
		(void)fprintf(stderr, "usage: walk_print [OPTION N]... INPUT...\n");
		return 2;
	}
	sink.user = argv + i;
	if (getenv("KITH_LIBEXEC") == NULL)
		options.libexec = WALK_LIBEXEC;
	st = kith_walk_new(&options, &sink, &walk, &err);
	for (; i < argc && st >= 0; i++)
		st = kith_walk_add(walk, argv[i], &err);
	if (st >= 0)
		st = kith_walk_run(walk, &err);
	kith_walk_free(walk);
	while (n_chains > 0)
		kith_buf_done(&chains[--n_chains]);
	free(chains);
	if (st < 0) {
		(void)fprintf(stderr, "walk_print: %s\n", err.msg);
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 2;
}
