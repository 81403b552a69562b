/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_int.h: the parts of the walk, for its own files.
 *
 *   input    what kith_walk_add() was given
 *   node     a place that is reported: an input, or a container in it
 *   source   a file that containers lie in: an input, a file of a folder, a spool
 *   job      one worker's work: a container to walk, or files to hash (item)
 *   family   the containers of one node that may need each other (parts of a split image)
 *   zygote   the process of a worker program, from which workers are forked
 *
 * What must hold:
 *   - A job is in exactly one place: in the queue of its depth, held by its family, or running.
 *   - An input is done when it has been listed and nothing of it is pending: jobs and items.
 *   - The walk never waits for a worker but in poll(); it never blocks in a send.
 *   - What a worker says is checked before it is believed; a worker that breaks the protocol is
 *     killed, and what it said before stays.
 *   - Whether a container is opened depends on it and on the containers it lies in, never on what
 *     else runs. So what lies in a large input, which is walked while it is hashed, is never
 *     compared with the input itself, only with the containers between.
 */
#ifndef KITH_EXTRACT_WALK_INT_H
#define KITH_EXTRACT_WALK_INT_H

#include <sys/types.h>

#include "walk/said.h"
#include "walk/walk.h"
#include "workers/wire.h"

/* Files that one worker has at a time: two batches, so that it never waits. */
#define WALK_ITEMS       64u
#define WALK_BATCH       32u
#define WALK_BATCH_BYTES (UINT64_C(64) << 20)
#define WALK_DEPTHS      64u
/* Workers that wait for room in the pool, besides those that run. */
#define WALK_WAITING 16u
/* Copies at a time: each is a descriptor. */
#define WALK_SPOOLS       256u
#define WALK_MEMORY_SPOOL (UINT64_C(16) << 20)
#define WALK_MEMORY_POOL  (UINT64_C(128) << 20)
/* Digests that are expected, of all containers that are being walked. */
#define WALK_EXPECTED ((size_t)1 << 20)
/* Workers that wait for another small container of the same parent; how large those may be, how
 * many one worker walks, and how long it may take for one of them. */
#define WALK_SPARES     8u
#define WALK_SMALL      (UINT64_C(1) << 20)
#define WALK_SPARE_JOBS 256u
#define WALK_SPARE_MS   500u
/* How often a worker program that dies by itself is started again. */
#define WALK_RESTARTS 3u

struct walk_source {
	unsigned refs;
	int fd;
	uint64_t size;
	bool spool;       /* a copy: */
	uint64_t charged; /* bytes of the pool */
	bool memory;
};

struct walk_node {
	uint32_t parent, input;
	uint32_t depth;
	bool hashed;
	uint8_t sha256[KITH_SHA256_SIZE];
	uint64_t spooled; /* by it and by what it lies in */
	uint32_t waiting; /* small containers in it that are in the queue */
};

struct walk_part {
	uint8_t *name; /* last component */
	size_t name_n;
	struct walk_source *source;
	struct kith_extent *extents;
	size_t n_extents;
};

struct walk_family {
	unsigned refs;
	bool complete; /* all parts are known */
	struct walk_part *parts;
	size_t n_parts, cap_parts;
	struct walk_job *held; /* until it is complete */
};

struct walk_expect; /* expect.c */

struct walk_item {
	bool used, alone;     /* alone: a worker has died with it */
	bool failed;          /* a note has been made of it */
	uint32_t input, node; /* node: the folder's; KITH_NO_NODE: it is the input */
	char *path;           /* in the folder; NULL for an input */
	uint64_t size;
	enum kith_format format;
};

/* A copy that a worker makes. */
struct walk_spool {
	uint64_t id;
	struct walk_source *source;
};

struct walk_job {
	struct walk_job *next;
	uint32_t id, input, node, depth;
	enum kith_format format; /* NONE: it hashes files */
	enum kith_worker worker;
	struct walk_source *source;
	struct kith_extent *extents;
	size_t n_extents;
	char *path; /* of a file in a folder: opened when the job starts; else NULL */
	uint8_t *name;
	size_t name_n;
	uint64_t size;
	struct walk_expect *expect;   /* for the files in it */
	struct walk_family *siblings; /* it is part of */
	struct walk_family *children;
	struct walk_expect *expects; /* for containers in it, a list */

	/* running */
	int sock; /* -1: the worker has closed it */
	bool gone, ended, closing;
	bool broke; /* the protocol */
	bool hung;
	int wait_status;
	const char *killed; /* why we killed it */
	enum kith_status result;
	struct kith_err said;
	char kind[33];
	uint64_t last_ms, bytes, events;
	/* A container whose worker died is walked a second time, with each message sent at once:
	 * what is lost with a worker then does not depend on when its packets left. What was taken
	 * the first time is passed over. */
	bool careful;
	struct walk_said said_before;
	uint64_t n_refused, refused_before; /* copies, which it asks for in one order */
	uint64_t start_ms;
	unsigned used; /* jobs that its worker had before */
	struct walk_spool *spools;
	size_t n_spools, cap_spools;
	/* an answer that it waits for: room in the pool */
	bool waits;
	uint64_t want, want_id;
	uint8_t *want_name;
	size_t want_name_n;
	/* files */
	struct walk_item items[WALK_ITEMS];
	size_t n_items; /* in the worker's hands */
	uint64_t items_bytes;
};

/*
 * A worker that has walked a small compressed file, and may walk others that lie in the same
 * container: forking one costs more than ten times what such a file does, and there are thousands
 * of them in a package pool or an initramfs. It is not used for anything else.
 */
struct walk_spare {
	int sock;
	enum kith_worker worker;
	uint32_t id, parent;
	unsigned used; /* how many it has walked */
};

struct walk_list {
	struct walk_job *first, *last;
};

struct walk_zygote {
	pid_t pid; /* 0: not started */
	int sock;
	bool failed; /* it cannot be started */
	unsigned starts;
	char lacks[16][48]; /* containers whose preparation failed */
	char why[16][160];
	size_t n_lacks;
};

struct walk_input {
	char *path;
	const char *name; /* last component of path */
	bool folder, listed, done, skipped, full;
	uint32_t node; /* KITH_NO_NODE: none yet */
	uint64_t pending, bytes, size;
	bool hashed;
	struct kith_digests digests;
};

struct walk_folder; /* inputs.c: where the listing of a folder is */

struct walk_alias {
	uint8_t key[16];
	uint32_t node; /* KITH_NO_NODE: free */
};

struct kith_walk {
	struct kith_walk_options options;
	struct kith_walk_limits limits;
	struct kith_walk_sink sink;
	char *libexec, *scratch;
	unsigned n_workers, n_threads;

	struct walk_input *inputs;
	size_t n_inputs, cap_inputs;
	size_t next_input; /* that is not listed */
	struct walk_folder *folder;
	struct walk_item *retries;
	size_t n_retries, cap_retries;

	struct walk_node *nodes;
	size_t n_nodes, cap_nodes;
	struct walk_alias *aliases;
	size_t n_aliases, cap_aliases;

	struct walk_list ready[WALK_DEPTHS];
	size_t n_ready;
	struct walk_job **running;
	size_t n_running, cap_running;
	uint32_t next_job;
	struct walk_spare spares[WALK_SPARES];
	size_t n_spares;

	struct walk_zygote zygotes[KITH_WORKERS];

	uint64_t pool_used, memory_used;
	size_t n_spools, n_expected;

	uint64_t bytes_done, bytes_total, n_files, progress_ms;
	uint8_t *packet;
	struct kith_buf out;
	struct kith_buf text;
};

/* walk.c */
uint64_t walk_now_ms(void);
char *walk_text(const void *bytes, size_t n); /* NULL: no memory */
enum kith_status walk_note(struct kith_walk *walk, uint32_t node, enum kith_ledger_class class_,
			   const char *reason, uint64_t count, const void *example,
			   size_t example_n, struct kith_err *err);

/* node.c */
struct walk_child {
	uint32_t parent, input;
	const uint8_t *name;
	size_t name_n;
	enum kith_format format;
	const struct kith_digests *digests; /* NULL: not known */
	uint64_t size;
	struct walk_source *source; /* a reference that is taken over; NULL: path */
	const struct kith_extent *extents;
	size_t n_extents;
	const char *path;
	struct walk_job *from; /* the job that found it; NULL: an input */
};
/* Reports a node, and queues the job that walks it unless the same was walked. KITH_NOT_FOUND: it
 * is not opened, which is noted (for an input: *ret_reason says why and nothing is noted). */
enum kith_status walk_open_child(struct kith_walk *walk, const struct walk_child *child,
				 const char **ret_reason, struct kith_err *err);
/* A node without a job. */
enum kith_status walk_add_node(struct kith_walk *walk, const struct kith_walk_node *node,
			       const uint8_t *sha256, uint64_t spooled, uint32_t *ret,
			       struct kith_err *err);

/* jobs.c */
struct walk_job *walk_job_new(struct kith_walk *walk);
void walk_job_free(struct kith_walk *walk, struct walk_job *job);
void walk_job_queue(struct kith_walk *walk, struct walk_job *job);
struct walk_job *walk_job_next(struct kith_walk *walk);
enum kith_status walk_job_start(struct kith_walk *walk, struct walk_job *job, struct kith_err *err);
/* Its worker goes on to others of the kind; the job has ended well. */
void walk_job_spare(struct kith_walk *walk, struct walk_job *job);
/* Lets workers go for which there is nothing left. all: each of that program. */
void walk_spares_drop(struct kith_walk *walk, bool all, enum kith_worker worker);
/* Kills its worker; reason becomes the note, "" for none. */
void walk_job_kill(struct kith_walk *walk, struct walk_job *job, const char *reason);
/* Reports how it ended, and frees it. */
enum kith_status walk_job_end(struct kith_walk *walk, struct walk_job *job, struct kith_err *err);
void walk_family_drop(struct kith_walk *walk, struct walk_family *family);
enum kith_status walk_family_add(struct walk_job *from, const struct walk_child *child,
				 struct walk_source *source, struct kith_err *err);

/* events.c: a packet from a worker. Negative with job->broke: it is against the protocol. */
enum kith_status walk_event(struct kith_walk *walk, struct walk_job *job, const uint8_t *data,
			    size_t n, struct kith_err *err);

/* zygote.c */
/* NULL: it can be used; else why not, as a reason. */
const char *walk_zygote_lacks(struct kith_walk *walk, enum kith_format format);
enum kith_status walk_zygote_spawn(struct kith_walk *walk, enum kith_worker worker, uint32_t job,
				   int sock, struct kith_err *err);
void walk_zygote_kill(struct kith_walk *walk, enum kith_worker worker, uint32_t job);
/* Takes what it says, and marks jobs that are gone. */
enum kith_status walk_zygote_hear(struct kith_walk *walk, enum kith_worker worker,
				  struct kith_err *err);
void walk_zygote_stop(struct kith_walk *walk, enum kith_worker worker);
enum kith_status walk_find_libexec(struct kith_walk *walk, struct kith_err *err);

/* inputs.c */
enum kith_status walk_inputs_check(struct kith_walk *walk, struct kith_err *err);
/* Whether there are files that no worker has. */
bool walk_items_left(const struct kith_walk *walk);
/* The next one; *ret_fd is open. KITH_END: there is none. Reports folders as nodes on the way. */
enum kith_status walk_next_item(struct kith_walk *walk, struct walk_item *ret, int *ret_fd,
				struct kith_err *err);
enum kith_status walk_retry_item(struct kith_walk *walk, struct walk_item *item,
				 struct kith_err *err);
/* Opens a file below an input that is a folder, following no link. -1: errno says why. */
int walk_open_below(const char *folder, const char *path);
/* It or a file of it cannot be had: a note in its place, which it is given when it has none. */
enum kith_status walk_input_failed(struct kith_walk *walk, uint32_t input, const char *reason,
				   struct kith_err *err);
/* One thing less is pending. */
enum kith_status walk_input_less(struct kith_walk *walk, uint32_t input, struct kith_err *err);
void walk_folder_free(struct walk_folder *folder);
/* Bytes that something in it expanded to. */
void walk_input_expand(struct kith_walk *walk, uint32_t input, uint64_t bytes);

/* spool.c */
struct walk_source *walk_source_file(int fd, uint64_t size);
void walk_source_drop(struct kith_walk *walk, struct walk_source *source);
/* Answers the job's request, or leaves it waiting. force: the pool's size does not matter. */
enum kith_status walk_spool_answer(struct kith_walk *walk, struct walk_job *job, bool force,
				   struct kith_err *err);
struct walk_source *walk_spool_take(struct walk_job *job, uint64_t id);
/* It is whole: from here on it is only read, and where that is possible nobody can write to it. */
void walk_spool_freeze(struct walk_source *source);
/* flags: of an answer. */
enum kith_status walk_answer(struct kith_walk *walk, struct walk_job *job, unsigned flags,
			     uint64_t size, const struct kith_extent *extents, size_t n, int fd,
			     struct kith_err *err);

/* expect.c */
enum kith_status walk_expect_add(struct kith_walk *walk, struct walk_job *job,
				 struct kith_bytes child, struct kith_bytes path,
				 const struct kith_declared *declared, struct kith_err *err);
/* Takes what is expected of a child; NULL: nothing. */
struct walk_expect *walk_expect_take(struct walk_job *job, const uint8_t *child, size_t n);
void walk_expect_free(struct kith_walk *walk, struct walk_expect *expect);
/* KITH_NOT_FOUND: it differs. */
enum kith_status walk_expect_check(const struct walk_expect *expect, struct kith_bytes path,
				   const struct kith_digests *digests);

#endif
