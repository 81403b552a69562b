/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h: what certain files tell of the container that they lie in, or of themselves: os-release
 * of the system around it, a version resource of its own program. Each kind of file has an
 * *inspector*: a row in facts.def and a file here.
 *
 * How the emitter uses it: kith_inspector_of() with the path and the first bytes of each entry;
 * where it gives one, and the entry has at most `most` bytes, all of these are kept, and
 * kith_inspect() is called with them. (An entry that lies in a file need not be copied: any blob
 * will do.) An entry that an inspector wants and that is larger is to be noted: what it tells is
 * lost.
 *
 * Inspectors are pure: nothing is opened, nothing is kept, and a file that is damaged or lies is no
 * error but tells nothing, or a lie of the length that it had.
 */
#ifndef KITH_EXTRACT_FACTS_H
#define KITH_EXTRACT_FACTS_H

#include <stdbool.h>

#include "blob/blob.h"
#include "facts/fact.h"

struct kith_fact_sink {
	void *user;
	/* text is 1 to KITH_FACT_TEXT bytes. weight: see kith_emit_fact. */
	void (*fact)(void *user, enum kith_fact fact, unsigned weight, const void *text, size_t n);
	/* The SHA-256 that a publisher declares for a file, which need not be near. NULL: not
	 * wanted. */
	void (*declared)(void *user, const void *name, size_t n, const uint8_t *sha256,
			 bool has_size, uint64_t size);
};

/* The longest fact; longer texts are not told. */
#define KITH_FACT_TEXT ((size_t)1024)

enum kith_fact_scope {
	KITH_FACTS_OF_CONTAINER, /* about the container that the entry lies in */
	KITH_FACTS_OF_FILE       /* claims of the file itself */
};

struct kith_inspector {
	const char *id;
	enum kith_fact_scope scope;
	size_t most;
	bool (*wants)(struct kith_bytes path, struct kith_bytes head);
	enum kith_status (*inspect)(const struct kith_inspector *inspector,
				    const struct kith_blob *blob, const struct kith_fact_sink *sink,
				    struct kith_err *err);
	void (*text)(struct kith_bytes text, const struct kith_fact_sink *sink);
};

/* Bytes of the head that are enough for kith_inspector_of. */
#define KITH_FACT_HEAD ((size_t)1024)

/* Who looks at this file, or NULL. path: as kith_entry.name. */
const struct kith_inspector *kith_inspector_of(struct kith_bytes path, struct kith_bytes head);

/* KITH_OK, also where it tells nothing; KITH_E_NOMEM; what reading the blob gives. */
enum kith_status kith_inspect(const struct kith_inspector *inspector, const struct kith_blob *blob,
			      const struct kith_fact_sink *sink, struct kith_err *err);

/* The blob of n bytes in memory, which `bytes` has to outlive. */
void kith_blob_memory(struct kith_blob *blob, const struct kith_bytes *bytes);

/* For a container that has such a text in its hands. */
void kith_facts_deb_control(struct kith_bytes text, const struct kith_fact_sink *sink);

/* Who distributes packages with that maintainer ("Name <mail>"): by its mail domain, else the name.
 * *ret points into the text or to a constant; false when neither is there. *ret_known: by the
 * domain. */
bool kith_distributor_of_mail(struct kith_bytes maintainer, struct kith_bytes *ret,
			      bool *ret_known);
/* The same by an id of os-release or an Origin; gives the name back where it is not known. */
struct kith_bytes kith_distributor_of_name(struct kith_bytes name);

#endif
