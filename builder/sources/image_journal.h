/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_journal.h: what a walk found in one input, as a file. The walk is what takes time; the
 * journal is written while it runs and gets its name when the input is done, so a run that was
 * interrupted goes on with the inputs that are missing. It is ours alone and may change with every
 * version; a reader checks all that it reads nevertheless.
 */
#ifndef KITH_SOURCES_IMAGE_JOURNAL_H
#define KITH_SOURCES_IMAGE_JOURNAL_H

#include "base/buf.h"
#include "walk/walk.h"

/* Identifies an input's content and the limits of its walk: a journal with the same key is the
 * same walk. */
#define JOURNAL_KEY_SIZE 32

struct journal_out {
	int fd;
	struct kith_buf buf;
};

void journal_start(struct journal_out *out, int fd, const uint8_t *key, const char *name);
enum kith_status journal_node(struct journal_out *out, const struct kith_walk_node *node,
			      struct kith_err *err);
enum kith_status journal_file(struct journal_out *out, const struct kith_walk_file *file,
			      struct kith_err *err);
enum kith_status journal_fact(struct journal_out *out, uint32_t node, enum kith_fact fact,
			      unsigned weight, struct kith_bytes text, struct kith_err *err);
enum kith_status journal_note(struct journal_out *out, uint32_t node, enum kith_ledger_class class_,
			      const char *reason, uint64_t count, struct kith_bytes example,
			      struct kith_err *err);
/* The last record; writes everything. digests: of the input itself, or NULL. */
enum kith_status journal_end(struct journal_out *out, const struct kith_digests *digests,
			     struct kith_err *err);
void journal_done(struct journal_out *out); /* does not close fd */

enum journal_kind {
	JOURNAL_NODE = 'N',
	JOURNAL_FILE = 'F',
	JOURNAL_FACT = 'A',
	JOURNAL_NOTE = 'O',
	JOURNAL_END = 'E'
};

/* One record; of the members those of its kind are set. Texts are valid until the next read. */
struct journal_record {
	enum journal_kind kind;
	struct kith_walk_node node;
	struct kith_walk_file file;
	struct kith_digests digests; /* file.digests points here; of END, with has_digests */
	struct kith_declared declared;
	bool has_digests;
	struct {
		uint32_t node;
		enum kith_fact fact;
		unsigned weight;
		struct kith_bytes text;
	} fact;
	struct {
		uint32_t node;
		enum kith_ledger_class class_;
		struct kith_bytes reason, example;
		uint64_t count;
	} note;
};

struct journal_in {
	int fd; /* owned */
	uint64_t size, read;
	uint8_t *data; /* owned */
	size_t pos, n, cap;
	uint8_t key[JOURNAL_KEY_SIZE];
	char *name; /* owned; the input's last component, may hold any byte but NUL */
};

/* KITH_E_UNSUPPORTED when it is no journal of this version. */
enum kith_status journal_open(struct journal_in *in, const char *path, struct kith_err *err);
/* KITH_END behind the last record. */
enum kith_status journal_read(struct journal_in *in, struct journal_record *record,
			      struct kith_err *err);
void journal_close(struct journal_in *in);

/* True when the bytes begin as a journal does. */
bool journal_probe(const uint8_t *head, size_t n);

#endif
