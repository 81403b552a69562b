/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kith.h: the public interface of libkith, and its reference manual.
 *
 * libkith answers from a kith set: one immutable file that says, for the SHA-256 of a file's
 * content, under which names, in which products, by which distributors it is shipped.
 *
 * What to know first
 * ------------------
 * - A set is opened once (kith_set_open) and may be used by any number of threads. Each thread
 *   opens a reader of its own (kith_reader_open); a reader is for one thread at a time.
 * - "Not in the set" (KITH_NOT_FOUND) and "could not tell" (negative) are never the same value.
 *   A miss means suspicious and a hit means ignore, so handle both.
 * - Nothing is copied. Every pointer that a function gives out points into the mapped set: never
 *   written, never freed, valid until the reader that gave it is closed. Names are bytes, not
 *   UTF-8, and not terminated; they may hold any byte, NUL and newline included.
 * - Lookups allocate nothing, take no lock and make no system call; page faults aside.
 * - A set file is never modified after it got its name. To replace one, rename a new file over it:
 *   open handles keep the old content. Do not copy over an open set.
 * - After fork() the child must not use handles of the parent.
 * - One process must not open one file as an LMDB environment twice: open a set once and share it.
 * - A medium that fails, or a file that is truncated while it is mapped, raises SIGBUS in the
 *   thread that reads it; LMDB, which follows what it finds in a damaged page, may raise SIGSEGV
 *   or SIGBUS too, in kith_set_open() already. The library installs no signal handler; a program
 *   that must survive that installs one (kith_set_map tells the range).
 *
 * The bytes of a set are specified in docs/FORMAT.md.
 */
#ifndef KITH_H
#define KITH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- version */

#define KITH_VERSION_MAJOR 0
#define KITH_VERSION_MINOR 1
#define KITH_VERSION_PATCH 0
#define KITH_VERSION       "0.1.0"

/* The set format that this library reads. A set with another number is refused. */
#define KITH_SET_FORMAT 1

#if defined(__GNUC__)
#define KITH_API        __attribute__((visibility("default")))
#define KITH_MUST_CHECK __attribute__((warn_unused_result))
#else
#define KITH_API
#define KITH_MUST_CHECK
#endif

/* The version of the library that is linked, as "major.minor.patch". */
KITH_API const char *kith_version(void);

/* ----------------------------------------------------------------- status */

enum kith_status {
	KITH_OK = 0,           /* done; for a lookup: it is in the set */
	KITH_NOT_FOUND = 1,    /* done; it is not in the set */
	KITH_END = 2,          /* done; the iterator has no more */
	KITH_NO_REFERENCE = 3, /* done; the set has no index of that kind, so nothing can be said */
	KITH_E_ARG = -1,       /* the caller's argument is outside its documented range */
	KITH_E_NOMEM = -2,     /* out of memory */
	KITH_E_IO = -3,        /* the operating system refused; sys_errno says why */
	KITH_E_CORRUPT = -4,   /* the data breaks its own rules: damaged or hostile */
	KITH_E_UNSUPPORTED = -5, /* well formed, but of a kind or version that we do not know */
	KITH_E_LIMIT = -6,       /* over a documented limit */
	KITH_E_CANCELLED = -7,   /* the caller's progress function asked to stop */
	KITH_E_BUSY = -8         /* somebody else holds it */
};

/*
 * What went wrong, in words. The caller owns it, zeroed or not; functions that take one accept
 * NULL, fill it when they return a negative status, and never touch it otherwise.
 */
struct kith_err {
	enum kith_status status;
	int sys_errno; /* 0, or an errno value */
	char msg[480]; /* one line, no full stop, always terminated */
};

/* A short text for a status, never NULL; static storage. */
KITH_API const char *kith_status_text(enum kith_status status);

/* ----------------------------------------------------------------- digests */

enum kith_digest { KITH_SHA256 = 0, KITH_SHA1 = 1, KITH_MD5 = 2 };
#define KITH_DIGESTS 3

#define KITH_SHA256_SIZE 32
#define KITH_SHA1_SIZE   20
#define KITH_MD5_SIZE    16

/* Size in bytes of a digest of that kind; 0 for an unknown kind. */
KITH_API size_t kith_digest_size(enum kith_digest kind);

/* -------------------------------------------------------------- the set */

typedef struct kith_set kith_set;
typedef struct kith_reader kith_reader;

/*
 * Open a set read-only. Checks its magic, version and sizes, and that the direct index fits the
 * file (otherwise lookups fall back to LMDB, see kith_set_info.direct). Does not read everything:
 * that is kith_reader_check().
 *
 * path     the set file; need not be writable, no lock file is made
 * ret_set  set on KITH_OK only; close it with kith_set_close()
 *
 * Returns KITH_OK; KITH_E_IO (cannot be read); KITH_E_CORRUPT (not a set, truncated or damaged);
 * KITH_E_UNSUPPORTED (another format version); KITH_E_NOMEM.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_set_open(const char *path, kith_set **ret_set,
							struct kith_err *err);

/* Close a set; all its readers must be closed before. NULL is accepted. */
KITH_API void kith_set_close(kith_set *set);

struct kith_set_info {
	uint32_t format;    /* KITH_SET_FORMAT */
	uint8_t id[32];     /* set id: SHA-256 of the text that `kith dump` prints */
	uint64_t files;     /* records in table file */
	uint64_t sha1_only; /* records in table sha1only */
	uint64_t occurrences;
	uint64_t names, places, products, distributors, sources;
	uint64_t size_bytes; /* of the set file */
	int direct;          /* 1: the direct index is used; 0: the file was moved page by page (for
				example compacted), lookups by SHA-256 use LMDB, others scan nothing and
				answer KITH_NO_REFERENCE */
	int has_index[KITH_DIGESTS]; /* 1: a lookup by that kind can be answered */
};

/* Facts of an open set. */
KITH_API void kith_set_info(kith_set *set, struct kith_set_info *ret_info);

/* The address range that the set is mapped to, for a handler of SIGBUS. */
KITH_API void kith_set_map(kith_set *set, const void **ret_base, size_t *ret_size);

/* A thread's own view of a set. Costs one small allocation. */
KITH_API KITH_MUST_CHECK enum kith_status kith_reader_open(kith_set *set, kith_reader **ret_reader,
							   struct kith_err *err);
KITH_API void kith_reader_close(kith_reader *reader);

/* ----------------------------------------------------------------- lookup */

#define KITH_FILE_TRIVIAL   0x01u /* empty, one repeated byte, ...: proves nothing */
#define KITH_FILE_FRAGMENT  0x02u /* every name is that of a part of a file (section, stream) */
#define KITH_FILE_CONFLICT  0x04u /* sources disagree about SHA-1, MD5 or size: see alternates */
#define KITH_FILE_SHA1_ONLY 0x08u /* no SHA-256 is known; key is the SHA-1 */
#define KITH_FILE_HAS_SIZE  0x10u /* size_bytes is known */

/* One file (content). Pointers point into the set. */
struct kith_file {
	const uint8_t *sha256; /* 32 bytes; NULL with KITH_FILE_SHA1_ONLY */
	const uint8_t *sha1;   /* 20 bytes; NULL where unknown */
	const uint8_t *md5;    /* 16 bytes; NULL where unknown */
	uint64_t size_bytes;   /* 0 unless KITH_FILE_HAS_SIZE */
	uint64_t n_occurrences;
	uint32_t flags; /* KITH_FILE_... */
	/* for the library: */
	const uint8_t *body, *end;
};

/*
 * Look one digest up.
 *
 * reader    this thread's reader
 * bytes, n  the digest itself, not hex; n must be the kind's size
 * ret_file  set on KITH_OK only. Where several files share an MD5 or SHA-1 it is the first of
 *           them in the order of the index; kith_lookup_all() gives all.
 *
 * Returns KITH_OK (in the set), KITH_NOT_FOUND (not in it), KITH_NO_REFERENCE (the set has no index
 * of this kind), KITH_E_ARG (wrong n), KITH_E_CORRUPT. Every hit was compared with the whole
 * digest.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_lookup(kith_reader *reader, enum kith_digest kind,
						      const void *bytes, size_t n,
						      struct kith_file *ret_file);

/*
 * All files that have this digest. Like kith_lookup(), but writes up to `cap` files and sets
 * *ret_n to how many there are, which may be more than cap. More than one means that the digest
 * is ambiguous: two contents with one MD5 or SHA-1, or a source that is wrong.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_lookup_all(kith_reader *reader,
							  enum kith_digest kind, const void *bytes,
							  size_t n, struct kith_file *ret_files,
							  size_t cap, size_t *ret_n);

/*
 * Look many digests up, several times faster than one by one, because memory is fetched ahead.
 *
 * digests         count digests of the kind's size, one after the other
 * ret_files       count entries; entry i is set where ret_status[i] is KITH_OK
 * ret_status      count entries; as kith_lookup()
 *
 * Returns KITH_OK when every entry has a status >= 0; else the first negative one.
 */
KITH_API KITH_MUST_CHECK enum kith_status
kith_lookup_many(kith_reader *reader, enum kith_digest kind, const void *digests, size_t count,
		 struct kith_file *ret_files, enum kith_status *ret_status);

/* A claim of some source about a file's digests that differs from the record's own. */
struct kith_alternate {
	const uint8_t *sha1, *md5; /* NULL where not claimed */
	uint64_t size_bytes;
	int has_size;
};

/* An occurrence: the file was seen at this place, under this name. */
struct kith_occurrence {
	uint32_t place; /* rank for kith_place() */
	uint32_t name;  /* rank for kith_name() */
};

/* Iterates over the alternates or the occurrences of one file. Plain data, no cleanup. */
struct kith_file_iter {
	const uint8_t *pos, *end;
	uint64_t left;
	uint32_t place, name;
	uint32_t started;
};

/*
 * Start, then call the matching next function until it returns KITH_END. Occurrences come sorted
 * by (place, name), each once. KITH_E_CORRUPT for a damaged record.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_alternates(const struct kith_file *file,
							  struct kith_file_iter *ret_iter);
KITH_API KITH_MUST_CHECK enum kith_status kith_alternate_next(struct kith_file_iter *iter,
							      struct kith_alternate *ret);
KITH_API KITH_MUST_CHECK enum kith_status kith_occurrences(const struct kith_file *file,
							   struct kith_file_iter *ret_iter);
KITH_API KITH_MUST_CHECK enum kith_status kith_occurrence_next(struct kith_file_iter *iter,
							       struct kith_occurrence *ret);

/* ------------------------------------------------------ names and places */

/* Bytes inside the set. */
struct kith_bytes {
	const uint8_t *data;
	size_t n;
};

/* A list inside a record; kith_list_next_... walk it. Plain data, no cleanup. */
struct kith_list {
	const uint8_t *pos, *end;
	uint64_t left;
};

/* The list's next text / rank / pair of texts. KITH_OK, KITH_END or KITH_E_CORRUPT. */
KITH_API KITH_MUST_CHECK enum kith_status kith_list_text(struct kith_list *list,
							 struct kith_bytes *ret_text);
KITH_API KITH_MUST_CHECK enum kith_status kith_list_rank(struct kith_list *list,
							 uint32_t *ret_rank);

/*
 * The item with that rank (0 .. count - 1 of kith_set_info). Ranks are in sorted order. KITH_E_ARG
 * when the rank is not one of the set, KITH_E_CORRUPT when the table is damaged.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_name(kith_reader *reader, uint32_t rank,
						    struct kith_bytes *ret_name);

/* The rank of a file name; KITH_NOT_FOUND when no file has it. Names are sorted by bytes. */
KITH_API KITH_MUST_CHECK enum kith_status kith_name_find(kith_reader *reader, const void *name,
							 size_t n, uint32_t *ret_rank);

enum kith_place_kind {
	KITH_PLACE_SOURCE = 1,  /* root of a tree; refs: the source's rank */
	KITH_PLACE_PRODUCT = 2, /* refs: ranks of the products; name: the source's id of it */
	KITH_PLACE_IMAGE = 3,   /* an image, a medium */
	KITH_PLACE_ARCHIVE = 4, /* a container; name: its path inside the parent */
	KITH_PLACE_FOLDER = 5   /* a folder, named by its whole path inside the parent */
};
#define KITH_NO_PLACE UINT32_MAX

/* A node of the provenance tree. Parents have lower ranks than their children. */
struct kith_place {
	enum kith_place_kind kind;
	uint32_t parent; /* rank, or KITH_NO_PLACE */
	struct kith_bytes name;
	struct kith_list refs; /* ranks: sources or products, by kind */
};
KITH_API KITH_MUST_CHECK enum kith_status kith_place(kith_reader *reader, uint32_t rank,
						     struct kith_place *ret_place);

#define KITH_IS_PLACEHOLDER 0x01u /* "Unknown", "TBD", ...: kept, but not shown in answers */

struct kith_product {
	uint32_t flags; /* KITH_IS_PLACEHOLDER */
	struct kith_bytes name, version;
	struct kith_list distributors; /* ranks */
	struct kith_list systems;      /* texts: operating systems, "name version" */
	struct kith_list languages;    /* texts */
	struct kith_list types;        /* texts */
	struct kith_list links;        /* texts: URLs */
};
KITH_API KITH_MUST_CHECK enum kith_status kith_product(kith_reader *reader, uint32_t rank,
						       struct kith_product *ret_product);

struct kith_distributor {
	uint32_t flags; /* KITH_IS_PLACEHOLDER */
	struct kith_bytes name;
	struct kith_list links; /* texts: URLs */
};
KITH_API KITH_MUST_CHECK enum kith_status
kith_distributor(kith_reader *reader, uint32_t rank, struct kith_distributor *ret_distributor);

/* How a source knows, from strongest to weakest. */
enum kith_evidence {
	KITH_HASHED = 1,    /* we read the bytes */
	KITH_SIGNED = 2,    /* a publisher's signed claim */
	KITH_REFERENCE = 3, /* a third party's database */
	KITH_LISTED = 4     /* a bare list */
};
/* "hashed", "signed", "reference", "listed"; "unknown" for another number. */
KITH_API const char *kith_evidence_text(enum kith_evidence evidence);

struct kith_source {
	enum kith_evidence evidence;
	struct kith_bytes id; /* unique in a set: "nsrl/modern/2026.03.1" */
	struct kith_bytes
	    label; /* as answers show it: "National Software Reference Library (NSRL)" */
	struct kith_bytes release; /* "2026.03.1"; may be empty */
	struct kith_bytes date;    /* "2026-03-01"; may be empty */
	struct kith_bytes digest;  /* of its input: "sha256:<hex>"; may be empty */
	struct kith_bytes notice;  /* what its licence asks to be said; may be empty */
};
KITH_API KITH_MUST_CHECK enum kith_status kith_source(kith_reader *reader, uint32_t rank,
						      struct kith_source *ret_source);

/* -------------------------------------------------------------- iteration */

enum kith_table { KITH_TABLE_FILE = 0, KITH_TABLE_SHA1_ONLY = 1 };

typedef struct kith_cursor kith_cursor;

/*
 * Walk a table in key order (SHA-256, or SHA-1 for the second). `from` (n bytes, a prefix is
 * enough; NULL for the start) is where to begin: the first key >= it.
 */
KITH_API KITH_MUST_CHECK enum kith_status kith_cursor_open(kith_reader *reader,
							   enum kith_table table, const void *from,
							   size_t n, kith_cursor **ret_cursor,
							   struct kith_err *err);
KITH_API KITH_MUST_CHECK enum kith_status kith_cursor_next(kith_cursor *cursor,
							   struct kith_file *ret_file);
KITH_API void kith_cursor_close(kith_cursor *cursor);

/*
 * Walk the meta and ledger tables: calls `fn` for each row, in order, until it returns non-zero,
 * which is then returned as KITH_E_CANCELLED.
 */
typedef int (*kith_meta_fn)(const char *key, size_t key_n, const uint8_t *value, size_t value_n,
			    void *user);
KITH_API KITH_MUST_CHECK enum kith_status kith_meta_each(kith_reader *reader, kith_meta_fn fn,
							 void *user);

enum kith_ledger_class {
	KITH_LEDGER_COUNT = 1,   /* something that was read or made: rows, files, ... */
	KITH_LEDGER_MARKED = 2,  /* kept, with a mark: fragment, trivial, conflict, ... */
	KITH_LEDGER_SKIPPED = 3, /* not kept, by rule: a malformed row, ... */
	KITH_LEDGER_FAILED = 4   /* could not be read: damaged, encrypted, over a limit, ... */
};

struct kith_ledger_entry {
	uint32_t source; /* rank */
	enum kith_ledger_class class_;
	struct kith_bytes reason; /* "rows read", "bad sha256", ... */
	uint64_t count;
	struct kith_bytes example; /* where, for instance: may be empty */
};
/* A row of class COUNT whose reason begins so and goes on with a SHA-256 in hex: that input was
 * read whole. A set may have many of these. */
#define KITH_LEDGER_INPUT "input sha256:"
typedef int (*kith_ledger_fn)(const struct kith_ledger_entry *entry, void *user);
KITH_API KITH_MUST_CHECK enum kith_status kith_ledger_each(kith_reader *reader, kith_ledger_fn fn,
							   void *user);

/* ------------------------------------------------------------------ check */

/* Called now and then with 0 .. total; non-zero stops: KITH_E_CANCELLED. */
typedef int (*kith_progress_fn)(uint64_t done, uint64_t total, void *user);

/*
 * Read everything and check it: each record decodes to its last byte, each rank exists, counts
 * agree, each file is found through each index that should have it, and the indexes hold nothing
 * else. A set that passes answers rightly. The set id is checked by `kith verify`, which has a
 * SHA-256.
 *
 * Returns KITH_OK, KITH_E_CORRUPT with the first fault in err, KITH_E_CANCELLED, KITH_E_NOMEM.
 */
KITH_API KITH_MUST_CHECK enum kith_status
kith_reader_check(kith_reader *reader, kith_progress_fn progress, void *user, struct kith_err *err);

#ifdef __cplusplus
}
#endif

#endif
