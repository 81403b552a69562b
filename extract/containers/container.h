/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h: what a container is, and what it may use.
 *
 * A container is one file here and one row in containers.def. It runs in a process of its own that
 * can open no file, reach no network and is thrown away afterwards (workers/sandbox.h); it reads
 * its blob and *emits* what it finds. It knows nothing of the other containers, of the set, or of
 * whoever wants the entries. What is inside an entry is not its concern: the emitter looks at the
 * first bytes of each, and containers in it are opened later, by other processes.
 *
 * Rules:
 *   - Every number that is read is hostile: checked arithmetic, bounds from base/limits.h.
 *   - A bad entry is noted (kith_emit_note, or kith_emit_damaged after a begin) and the walk goes
 * on with the next; where that is impossible the walk returns KITH_E_CORRUPT with a sentence, which
 *     becomes the ledger's row for this container. What was emitted before stays.
 *   - A negative status of an emit call is returned at once, unchanged.
 *   - Libraries are set up in `prepare` (before the sandbox): afterwards no file can be opened, no
 *     locale loaded, no library loaded.
 *   - Names are bytes, as the container has them. UTF-16 becomes UTF-8 (unpaired surrogates as
 *     3 bytes: kith_utf16_name); nothing is normalised; "..", "\\", NUL are kept. Paths use '/'; a
 *     container whose own separator is '\' (CAB, WIM) translates it. A leading "./" becomes "/".
 *   - Entries may come in any order, as it is cheapest.
 */
#ifndef KITH_EXTRACT_CONTAINER_H
#define KITH_EXTRACT_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "blob/blob.h"
#include "detect/detect.h"
#include "facts/fact.h"
#include "hash/digest.h"
#include "kith.h"

struct kith_emit;

/* What a container is given. */
struct kith_container_in {
	const struct kith_blob *blob;
	enum kith_format format; /* what was detected */
	const uint8_t *name;     /* its name, or path in its parent; for hints only */
	size_t name_n;
	struct kith_emit *emit;
};

struct kith_container_ops {
	const char *id; /* the row's */
	/* Once, before the sandbox, in the process from which all workers are forked; NULL:
	 * nothing. KITH_E_UNSUPPORTED: this machine lacks something (its name is in err). */
	enum kith_status (*prepare)(struct kith_err *err);
	enum kith_status (*walk)(const struct kith_container_in *in, struct kith_err *err);
};

/* ---------------------------------------------------------------- entries */

enum kith_entry_kind {
	KITH_ENTRY_FILE,   /* content under a name */
	KITH_ENTRY_STREAM, /* alternate stream or resource fork; the name is `file:stream` */
	KITH_ENTRY_INNER, /* bytes without a name of their own (a partition, an overlay, a payload):
			   * not reported as a file, only opened as a container; name: "partition 2"
			   */
	KITH_ENTRY_OTHER /* symlink, device, fifo, socket, folder, whiteout: no digest, only counted
			  */
};

/* Digests that the container says its entry has; compared with what was read. */
struct kith_declared {
	bool has_sha256, has_sha1, has_md5;
	uint8_t sha256[KITH_SHA256_SIZE];
	uint8_t sha1[KITH_SHA1_SIZE];
	uint8_t md5[KITH_MD5_SIZE];
};

struct kith_entry {
	enum kith_entry_kind kind;
	const uint8_t *name; /* path in the container; copied */
	size_t name_n;
	bool has_size; /* where it is known before */
	uint64_t size;
	bool sparse;        /* has holes: its zeros count against the limit of zeros */
	bool may_be_linked; /* keep the digests, so that kith_emit_link can name it later */
	bool leaf;          /* never open it as a container */
	const struct kith_declared *declared; /* or NULL; copied */
};

/*
 * A pushed entry: begin, then data in order, then end. KITH_ENTRY_OTHER: begin alone. Instead of
 * end: kith_emit_damaged, when its bytes are not whole: nothing of it is reported but a ledger row.
 *
 * KITH_NOT_FOUND from begin: the entry is not wanted (over a limit, which is noted already): skip
 * its data, no end. KITH_END from data: this entry is cut off (over a limit, noted): skip the rest
 * of its data, no end.
 */
enum kith_status kith_emit_begin(struct kith_emit *emit, const struct kith_entry *entry,
				 struct kith_err *err);
enum kith_status kith_emit_data(struct kith_emit *emit, const void *data, size_t n,
				struct kith_err *err);
enum kith_status kith_emit_zeros(struct kith_emit *emit, uint64_t n, struct kith_err *err);
enum kith_status kith_emit_end(struct kith_emit *emit, struct kith_err *err);
enum kith_status kith_emit_damaged(struct kith_emit *emit, const char *reason, const char *detail,
				   struct kith_err *err);

/* An entry whose bytes lie in the container as they are: read and hashed in place, opened in place.
 * Offsets are in the container's blob. KITH_E_CORRUPT is never returned for extents outside of it:
 * that is noted as damage of this entry. */
enum kith_status kith_emit_in_place(struct kith_emit *emit, const struct kith_entry *entry,
				    const struct kith_extent *extents, size_t n,
				    struct kith_err *err);

/* Another name of an entry that was emitted, with may_be_linked, under `target` in this container.
 * A target that was not is noted. */
enum kith_status kith_emit_link(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				const uint8_t *target, size_t target_n, struct kith_err *err);

/* Says that the container goes on: for work that may take seconds without another call, such as
 * passing over the data of an entry that is not wanted. Costs nearly nothing. */
enum kith_status kith_emit_alive(struct kith_emit *emit, struct kith_err *err);

/* A whole pushed entry from a reader, for containers over a library with a read call: calls `read`
 * until it gives 0 bytes. A failing read becomes kith_emit_damaged. */
enum kith_status kith_emit_pull(struct kith_emit *emit, const struct kith_entry *entry,
				enum kith_status (*read)(void *user, void *buf, size_t n,
							 size_t *ret_n, struct kith_err *err),
				void *user, struct kith_err *err);

/* ----------------------------------------------------- what it says of itself */

/*
 * A fact about the container itself, from its metadata or from a file in it. weight: of two facts
 * of one kind that exclude each other (product, version, distributor) the higher is taken: 100
 * package metadata, 80 os-release, 60 image metadata (WIM XML, OCI label), 20 volume id. Of equal
 * weight the smaller by bytes.
 */
enum kith_status kith_emit_fact(struct kith_emit *emit, enum kith_fact fact, unsigned weight,
				const void *text, size_t n, struct kith_err *err);

/* Says more exactly what the container is, for the ledger: "apk", "arch package", "oci image". */
enum kith_status kith_emit_kind(struct kith_emit *emit, const char *kind, struct kith_err *err);

/*
 * A digest that is declared for a file whose bytes were not seen here: Windows component manifests,
 * rpm ghost files. Stored as declared, never as hashed. signed_: a publisher's signed claim.
 */
enum kith_status kith_emit_declared(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				    const struct kith_declared *declared, bool has_size,
				    uint64_t size, bool signed_, struct kith_err *err);

/* Expect that the file `path` inside the entry `child` of this container has that digest: compared
 * when the child is walked. Before the child is emitted. (dpkg's md5sums.) */
enum kith_status kith_emit_expect(struct kith_emit *emit, const char *child, const uint8_t *path,
				  size_t path_n, const struct kith_declared *declared,
				  struct kith_err *err);

/* A row of the ledger. reason: fixed and short ("encrypted"); example: the entry's name. */
enum kith_status kith_emit_note(struct kith_emit *emit, enum kith_ledger_class class_,
				const char *reason, const void *example, size_t example_n,
				struct kith_err *err);

/* ------------------------------------------------------------------ siblings */

/* A file beside this container, by its name in the same folder (other parts of a split image).
 * The blob is valid until the walk ends; KITH_NOT_FOUND when there is none. */
enum kith_status kith_emit_sibling(struct kith_emit *emit, const char *name,
				   const struct kith_blob **ret, struct kith_err *err);
/* Whether a blob from there is walked itself: beside an input there may be files that are none. */
bool kith_emit_is_read(const struct kith_emit *emit, const struct kith_blob *sibling);

/* ------------------------------------------------------------------- helpers */

/* UTF-16LE to UTF-8; an unpaired surrogate becomes its three bytes. n: bytes. */
bool kith_utf16_name(struct kith_buf *out, const void *utf16le, size_t n);

/* The path as the rules above say: a leading "./" becomes "/". */
void kith_entry_path(const uint8_t **name, size_t *n);

#define KITH_CONTAINER(id, worker) extern const struct kith_container_ops kith_container_##id;
#include "containers/containers.def"
#undef KITH_CONTAINER

#endif
