/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h: walks inputs (files, folders) down through all containers, and reports what it finds.
 *
 * Each container is parsed in a worker process; the walk itself only opens input files, hands
 * descriptors to workers and listens to them. A worker that crashes, hangs or grows too large is a
 * note; what it reported stays and the walk goes on. The set of reports does not depend on the
 * number of workers; their order does.
 *
 * One thread calls everything; all callbacks come from within kith_walk_run.
 */
#ifndef KITH_EXTRACT_WALK_H
#define KITH_EXTRACT_WALK_H

#include "containers/container.h"

/* Numbers of nodes: an input or a container in it. Handed out from 0, parents before children. */
#define KITH_NO_NODE UINT32_MAX

struct kith_walk_node {
	uint32_t node, parent; /* parent: KITH_NO_NODE for an input */
	uint32_t same_as; /* KITH_NO_NODE; or the node of the same input with the same bytes, walked
			     once: what is reported for that one holds for this one too */
	uint32_t input;   /* number of kith_walk_add */
	enum kith_place_kind kind; /* FOLDER for a folder that is an input */
	const char *format;        /* "deb"; "folder"; "" for an input that is not a container */
	const uint8_t *name;       /* path in the parent; of an input: its last component */
	size_t name_n;
	unsigned depth;
	const uint8_t *sha256; /* of its bytes; NULL: not known yet */
};

struct kith_walk_file {
	uint32_t node;             /* where it lies */
	enum kith_entry_kind kind; /* FILE or STREAM */
	const uint8_t *name;
	size_t name_n;
	const struct kith_digests *digests;   /* NULL: declared only */
	const struct kith_declared *declared; /* where bytes were not seen; else NULL */
	bool declared_signed;
	bool has_size;
	uint64_t size;
	bool sparse;
	/* What the file says of itself (PE version resource); n is 0 where it says nothing. */
	struct kith_bytes claims[KITH_FACTS];
};

struct kith_walk_sink {
	void *user;
	/* Negative: ends the walk, and is returned. */
	enum kith_status (*node)(void *user, const struct kith_walk_node *node,
				 struct kith_err *err);
	enum kith_status (*file)(void *user, const struct kith_walk_file *file,
				 struct kith_err *err);
	enum kith_status (*fact)(void *user, uint32_t node, enum kith_fact fact, unsigned weight,
				 struct kith_bytes text, struct kith_err *err);
	/* class_ COUNT: "containers opened: deb", count 1. example: a path. */
	enum kith_status (*note)(void *user, uint32_t node, enum kith_ledger_class class_,
				 const char *reason, uint64_t count, struct kith_bytes example,
				 struct kith_err *err);
	/* An input is done: everything in it was reported. digests: of the input file itself; NULL
	 * for a folder or a file that could not be read. */
	enum kith_status (*input_done)(void *user, uint32_t input,
				       const struct kith_digests *digests, struct kith_err *err);
	/* About ten times a second. Non-zero: cancel. */
	int (*progress)(void *user, uint64_t bytes_done, uint64_t bytes_total, uint64_t files);
	/* Asked, when ask_skip is set, for each input file and for each container in a folder that
	 * is an input, with its SHA-256: true: it is not opened, and an input file is not reported.
	 */
	bool (*skip)(void *user, uint32_t input, const uint8_t *sha256);
};

/* All have defaults (base/limits.h); 0 means the default. */
struct kith_walk_limits {
	unsigned depth;         /* containers in containers */
	uint64_t entries;       /* of one container */
	uint64_t file_bytes;    /* of one entry */
	uint64_t zero_bytes;    /* of one entry, in holes */
	uint64_t input_bytes;   /* all that one input expands to */
	unsigned ratio;         /* expansion of one container, past the first GiB */
	unsigned cpu_seconds;   /* of one worker */
	unsigned stall_seconds; /* without any progress */
	uint64_t worker_memory; /* address space of one worker, bytes */
	uint64_t spool_bytes;   /* containers that must be unpacked to be opened, at a time */
	uint64_t spool_member;  /* one of them */
};

/* What is left out of folders: a name, or what names begin with, in the folder that has these
 * numbers (st_dev, st_ino). */
struct kith_walk_own {
	uint64_t device, inode;
	const char *name;
	bool begins;
};

struct kith_walk_options {
	unsigned workers;    /* at a time; 0: one for each core */
	const char *libexec; /* where kith-worker is; NULL: found from the program's own path */
	const char *scratch; /* folder for spools: nameless files */
	struct kith_walk_limits limits;
	bool ask_skip;
	const struct kith_walk_own *own; /* valid as long as the walk */
	size_t n_own;
	/* All inputs, also those that another walk has read or will read, so that a part of a split
	 * archive counts as read with them; NULL: those of kith_walk_add. Valid as long as the
	 * walk. */
	char *const *inputs;
	size_t n_inputs;
};

struct kith_walk;

enum kith_status kith_walk_new(const struct kith_walk_options *options,
			       const struct kith_walk_sink *sink, struct kith_walk **ret,
			       struct kith_err *err);
/* A file or a folder. Not opened yet. Inputs are numbered from 0. */
enum kith_status kith_walk_add(struct kith_walk *walk, const char *path, struct kith_err *err);
/* An input that cannot be opened is KITH_E_IO; all that is inside is reported, not an error. */
enum kith_status kith_walk_run(struct kith_walk *walk, struct kith_err *err);
void kith_walk_free(struct kith_walk *walk);

/* The defaults. */
void kith_walk_limits_default(struct kith_walk_limits *limits);

#endif
