/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what the walk hears from its workers: a worker may have been taken over by what it parses.
 * The first byte chooses what the job is (files, or a container), the rest is a packet without its
 * two bytes of head.
 *
 * Beside not crashing: what decodes is encoded to something that decodes to the same; the walk's
 * books agree when everything is freed.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../holds.h"
#include "walk/walk_int.h"
#include "workers/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int socks[2];

static enum kith_status on_node(void *user, const struct kith_walk_node *node, struct kith_err *err)
{
	(void)err;
	HOLDS(node->node == (*(uint32_t *)user)++);
	HOLDS(node->parent == KITH_NO_NODE || node->parent < node->node);
	HOLDS(node->same_as == KITH_NO_NODE || node->same_as < node->node);
	HOLDS(node->format != NULL);
	return KITH_OK;
}

static enum kith_status on_file(void *user, const struct kith_walk_file *file, struct kith_err *err)
{
	(void)err;
	HOLDS(file->node < *(uint32_t *)user);
	HOLDS((file->digests != NULL) != (file->declared != NULL));
	return KITH_OK;
}

static enum kith_status on_fact(void *user, uint32_t node, enum kith_fact fact, unsigned weight,
				struct kith_bytes text, struct kith_err *err)
{
	(void)weight;
	(void)text;
	(void)err;
	HOLDS(node < *(uint32_t *)user && (unsigned)fact < KITH_FACTS);
	return KITH_OK;
}

static enum kith_status on_note(void *user, uint32_t node, enum kith_ledger_class class_,
				const char *reason, uint64_t count, struct kith_bytes example,
				struct kith_err *err)
{
	(void)count;
	(void)example;
	(void)err;
	HOLDS(node < *(uint32_t *)user);
	HOLDS(class_ >= KITH_LEDGER_COUNT && class_ <= KITH_LEDGER_FAILED);
	HOLDS(reason[0] != '\0');
	return KITH_OK;
}

static enum kith_status on_input(void *user, uint32_t input, const struct kith_digests *digests,
				 struct kith_err *err)
{
	(void)user;
	(void)input;
	(void)digests;
	(void)err;
	return KITH_OK;
}

/* A walk with one input, and one job of it whose worker talks to us. */
static struct kith_walk *make_walk(uint32_t *n_nodes)
{
	struct kith_walk_options options = {
	    .workers = 1, .limits = {.spool_bytes = 1 << 20, .spool_member = 1 << 19, .depth = 3}};
	struct kith_walk_sink sink = {.user = n_nodes,
				      .node = on_node,
				      .file = on_file,
				      .fact = on_fact,
				      .note = on_note,
				      .input_done = on_input};
	struct kith_walk *walk;
	size_t i;

	HOLDS(kith_walk_new(&options, &sink, &walk, NULL) == KITH_OK);
	HOLDS(kith_walk_add(walk, "input", NULL) == KITH_OK);
	walk->inputs[0].pending = 1000;
	for (i = 0; i < KITH_WORKERS; i++)
		walk->zygotes[i].sock = dup(socks[1]); /* as if they ran */
	return walk;
}

static struct walk_job *make_job(struct kith_walk *walk, bool files, int fd)
{
	struct kith_walk_node node = {.parent = KITH_NO_NODE,
				      .same_as = KITH_NO_NODE,
				      .kind = KITH_PLACE_ARCHIVE,
				      .format = "tar",
				      .name = (const uint8_t *)"input",
				      .name_n = 5};
	struct walk_job *job = walk_job_new(walk);
	uint32_t number;

	HOLDS(job != NULL);
	HOLDS(walk_add_node(walk, &node, NULL, 0, &number, NULL) == KITH_OK);
	job->sock = dup(socks[0]);
	if (files) {
		job->items[0] = (struct walk_item){
		    .used = true, .node = number, .path = strdup("a/b"), .size = 9};
		job->items[1] = (struct walk_item){.used = true, .node = KITH_NO_NODE, .size = 9};
		job->n_items = 2;
		job->items_bytes = 18;
		return job;
	}
	job->format = KITH_FORMAT_TAR;
	job->node = number;
	job->name = (uint8_t *)strdup("input");
	job->name_n = 5;
	job->source = walk_source_file(dup(fd), 4096);
	return job;
}

/* Each message encodes to something that decodes to the same. */
static void round_trip(const uint8_t *packet, size_t n)
{
	static struct kith_extent extents[KITH_WIRE_EXTENTS];
	const uint8_t *pos = packet, *end = packet + n, *again;
	struct kith_buf first = {0}, second = {0};
	struct kith_wire m;

	HOLDS(kith_wire_open(&pos, end));
	while (pos < end && kith_wire_get(&pos, end, &m)) {
		HOLDS(pos <= end);
		first.n = second.n = 0;
		kith_wire_extents(&m, extents);
		m.extents = extents;
		HOLDS(kith_wire_put(&first, &m));
		again = first.data;
		HOLDS(kith_wire_get(&again, first.data + first.n, &m));
		HOLDS(again == first.data + first.n);
		kith_wire_extents(&m, extents);
		m.extents = extents;
		HOLDS(kith_wire_put(&second, &m));
		HOLDS(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
	}
	kith_buf_done(&first);
	kith_buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int file = -1;
	static uint8_t drain[1 << 16];
	struct kith_buf packet = {0};
	struct kith_walk *walk;
	struct walk_job *job;
	struct kith_wire first;
	const uint8_t *pos;
	uint32_t n_nodes = 0;
	size_t got;

	if (n < 2 || n > KITH_PACKET_MAX)
		return 0;
	if (file < 0) {
		file = memfd_create("fuzz", MFD_CLOEXEC);
		HOLDS(file >= 0 && ftruncate(file, 4096) == 0);
		HOLDS(kith_packet_pair(socks, NULL) == KITH_OK);
	}
	HOLDS(kith_wire_start(&packet) && kith_buf_add(&packet, data + 1, n - 1));
	round_trip(packet.data, packet.n);
	walk = make_walk(&n_nodes);
	job = make_job(walk, (data[0] & 1) != 0, file);
	job->careful = (data[0] & 2) != 0;
	pos = packet.data;
	if (job->careful && kith_wire_open(&pos, packet.data + packet.n) &&
	    kith_wire_get(&pos, packet.data + packet.n, &first)) {
		HOLDS(walk_said_add(&job->said_before, &first));
		walk_said_sort(&job->said_before);
	}
	(void)walk_event(walk, job, packet.data, packet.n, NULL);
	walk_job_free(walk, job);
	while (walk->n_ready > 0)
		walk_job_free(walk, walk_job_next(walk));
	HOLDS(walk->pool_used == 0 && walk->memory_used == 0);
	HOLDS(walk->n_spools == 0 && walk->n_expected == 0);
	kith_walk_free(walk);
	kith_buf_done(&packet);
	while (kith_packet_recv(socks[1], drain, sizeof drain, &got, NULL, 0, NULL, 0, NULL) ==
	       KITH_OK)
		;
	return 0;
}
