/* SPDX-License-Identifier: Apache-2.0 */
/* emit_int.h: the parts of the emitter, for its own files. */
#ifndef KITH_EXTRACT_EMIT_INT_H
#define KITH_EXTRACT_EMIT_INT_H

#include "facts/facts.h"
#include "workers/emit.h"

/* Larger in-place entries are read by this thread instead of the hasher's, so that it can tell the
 * walk that it goes on. */
#define EMIT_FED_BYTES (UINT64_C(32) << 20)
#define EMIT_PIECE     ((size_t)256 << 10)

/* Distinct notes of one container that are counted together. */
#define EMIT_NOTES 64
/* Parts of a split image. */
#define EMIT_SIBLINGS 200 /* each is one of the descriptors that a worker may have */

/* An entry from begin to the arrival of its digests. */
struct emit_entry {
	uint8_t *name; /* owned */
	size_t name_n;
	uint32_t item;
	enum kith_entry_kind kind;
	bool sparse, leaf, linked, has_declared, has_size, is_file;
	bool decided; /* its first bytes were looked at */
	bool hashed;  /* it has a stream of the hasher */
	bool awaited; /* in the table of links */
	bool asked;   /* the inspectors were; one of them wants it: */
	const struct kith_inspector *inspector;
	uint64_t size; /* so far; of zeros in holes: */
	uint64_t zeros;
	uint64_t expected; /* has_size */
	struct kith_declared declared;
	enum kith_format format;     /* of the container that it is */
	uint64_t spool;              /* where that is; 0: in the extents */
	struct kith_extent *extents; /* owned; in the file */
	size_t n_extents;
	int fd;               /* of a file: closed at the end; else -1 */
	struct kith_buf also; /* further names: a varint length and the bytes, each */
	struct emit_claims *claims;
};

struct emit_claims {
	struct kith_buf texts[KITH_FACTS];
	unsigned weights[KITH_FACTS];
};

/* The digests of an entry that may be linked, by the first half of its path's SHA-256: so nobody
 * can make two paths meet. */
struct emit_link {
	uint8_t key[16];
	bool used, known, sparse;
	struct emit_entry *entry; /* while its digests are not known */
	struct kith_digests digests;
};

struct emit_note {
	enum kith_ledger_class class_;
	char reason[KITH_WIRE_REASON + 1];
	uint64_t more; /* besides those that were sent */
};

struct kith_emit {
	int sock;
	const struct kith_blob *blob;
	struct kith_wire_limits limits;
	struct kith_hasher *hasher;
	struct kith_buf out; /* the packet that is being filled */
	uint64_t sent_ms;    /* when the last one left */

	/* the entry that was begun */
	struct emit_entry *now;
	struct kith_buf head;  /* its first bytes */
	struct kith_buf whole; /* all of them so far, where an inspector wants it */
	uint8_t *piece;        /* EMIT_PIECE bytes for reading */
	int spool_fd;          /* -1: none */
	uint64_t spool_id, spool_granted;
	uint64_t next_spool;

	uint64_t entries, others, bytes;
	bool careful; /* each message is sent at once */
	bool full;    /* over a limit of the container: nothing more is wanted */

	struct emit_link *links;
	size_t n_links, cap_links; /* a power of two */

	struct emit_note notes[EMIT_NOTES];
	size_t n_notes;

	struct kith_blob siblings[EMIT_SIBLINGS];
	bool are_read[EMIT_SIBLINGS]; /* those */
	size_t n_siblings;
};

/* emit_out.c */
uint64_t emit_now_ms(void);
enum kith_status emit_send(struct kith_emit *emit, const struct kith_wire *message,
			   struct kith_err *err);
/* Sends what waits when it has waited for long, and says that work goes on. */
enum kith_status emit_tick(struct kith_emit *emit, struct kith_err *err);
/* Sends the message at once and waits for the answer, which stays valid until the next one. *ret_fd
 * is -1 where none came. */
enum kith_status emit_ask(struct kith_emit *emit, const struct kith_wire *message,
			  struct kith_wire *ret, int *ret_fd, struct kith_err *err);
enum kith_status emit_note_item(struct kith_emit *emit, uint32_t item,
				enum kith_ledger_class class_, const char *reason,
				const void *example, size_t example_n, struct kith_err *err);
enum kith_status emit_declared_item(struct kith_emit *emit, uint32_t item, const uint8_t *name,
				    size_t name_n, const struct kith_declared *declared,
				    bool has_size, uint64_t size, bool signed_,
				    struct kith_err *err);
enum kith_status emit_notes_rest(struct kith_emit *emit, struct kith_err *err);

/* emit_hashed.c */
enum kith_status emit_hashed(void *hasher_user, void *stream_user, enum kith_status st,
			     const struct kith_digests *digests, struct kith_err *err);
/* Reports an entry for which no digests come (KITH_ENTRY_INNER), and frees it. */
/* Tells the walk that a file is a container, before its digests are known. */
enum kith_status emit_early(struct kith_emit *emit, const struct emit_entry *entry,
			    struct kith_err *err);
enum kith_status emit_unhashed(struct kith_emit *emit, struct emit_entry *entry,
			       struct kith_err *err);
enum kith_status emit_link_await(struct kith_emit *emit, struct emit_entry *entry,
				 struct kith_err *err);
void emit_entry_free(struct kith_emit *emit, struct emit_entry *entry);

/* emit_inspect.c */
enum kith_status emit_inspect_ask(struct kith_emit *emit, struct emit_entry *entry,
				  struct kith_err *err);
enum kith_status emit_inspect_blob(struct kith_emit *emit, struct emit_entry *entry,
				   const struct kith_blob *blob, struct kith_err *err);
enum kith_status emit_inspect_data(struct kith_emit *emit, struct emit_entry *entry,
				   const void *data, size_t n, struct kith_err *err);
enum kith_status emit_inspect_end(struct kith_emit *emit, struct emit_entry *entry,
				  struct kith_err *err);

/* emit.c, for emit_place.c */
enum kith_status emit_begin(struct kith_emit *emit, const struct kith_entry *from,
			    struct kith_err *err);
/* Whether n more bytes are within the limits; else KITH_END, and emit->now is gone. */
enum kith_status emit_take(struct kith_emit *emit, uint64_t n, bool hole, struct kith_err *err);
/* The hasher's stream of emit->now. */
enum kith_status emit_start(struct kith_emit *emit, struct kith_err *err);
enum kith_status emit_push(struct kith_emit *emit, uint64_t at, const uint8_t *data, size_t n,
			   struct kith_err *err);
/* Bytes that the hasher has already. */
enum kith_status emit_push_hashed(struct kith_emit *emit, uint64_t at, const uint8_t *data,
				  size_t n, struct kith_err *err);
struct emit_entry *emit_entry_new(const struct kith_entry *from, struct kith_err *err);

/* emit_spool.c: the copy of a container that is pushed. All leave the entry as it is when the walk
 * grants no spool: it is hashed, and not opened. */
enum kith_status emit_spool_open(struct kith_emit *emit, struct emit_entry *entry, uint64_t bytes,
				 struct kith_err *err);
enum kith_status emit_spool_write(struct kith_emit *emit, struct emit_entry *entry, uint64_t at,
				  const void *data, size_t n, struct kith_err *err);
enum kith_status emit_spool_hole(struct kith_emit *emit, struct emit_entry *entry, uint64_t end,
				 struct kith_err *err);
void emit_spool_close(struct kith_emit *emit);
enum kith_status emit_spool_drop(struct kith_emit *emit, struct emit_entry *entry,
				 struct kith_err *err);

#endif
