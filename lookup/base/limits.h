/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h: every bound on what an input may make us do, in one place, each with its reason.
 * Where a command has an option for it, the value here is the default.
 */
#ifndef KITH_BASE_LIMITS_H
#define KITH_BASE_LIMITS_H

/* One line of a hash list or of an RDS v2 file. A path may be long; 1 MiB is far beyond PATH_MAX.
 */
#define KITH_LIMIT_LINE (1u << 20)

/* One file name or folder name. NSRL joins names with commas, so well over NAME_MAX. */
#define KITH_LIMIT_NAME (64u << 10)

/* Nodes between an occurrence and its source. NSRL's recursion_level goes to 10. */
#define KITH_LIMIT_DEPTH 64

/* Products, distributors, sources and product places of one build: kept in memory. The modern RDS
 * has 140,000 package rows. */
#define KITH_LIMIT_ENTITIES (16u << 20)

/* Claims that differ about one file. Honest sources never have more than a few; the smallest are
 * kept. */
#define KITH_LIMIT_CLAIMS 256

/* Distinct reasons in one source's ledger; further ones are counted as "other". */
#define KITH_LIMIT_REASONS 256

/* Bytes of the example that a ledger row keeps. */
#define KITH_LIMIT_EXAMPLE 256

/* --memory of kith-build: default and least. */
#define KITH_MEMORY_DEFAULT ((size_t)1 << 30)
#define KITH_MEMORY_MIN     ((size_t)16 << 20)

/* Ranks are 32 bits, one value is reserved. */
#define KITH_LIMIT_RANKS 0xfffffff0u

/* Occurrences of one file that an answer prints unless told otherwise; the set keeps all. */
#define KITH_LIMIT_SHOWN 1000

/* Bytes of rendered places that one thread keeps while it answers; then it starts anew. */
#define KITH_LIMIT_CHAIN_CACHE ((size_t)64 << 20)

/* Bytes of digests that an export sorts at a time. */
#define KITH_LIMIT_EXPORT ((size_t)192 << 20)

/* Bytes of a Bloom filter: more than all of the NSRL at one in a million. */
#define KITH_LIMIT_BLOOM ((size_t)16 << 30)

/* Sets that one command opens. */
#define KITH_LIMIT_SETS 64

/* ---------------------------------------------------- what containers may make us do */

/* Containers in containers. Real media have about 5: image, package, payload, initramfs, module. */
#define KITH_LIMIT_CONTAINER_DEPTH 16u

/* Entries of one container. A full Windows image has some 400,000. */
#define KITH_LIMIT_ENTRIES (5u << 20)

/* Bytes of one entry, and of them zeros in holes (a tar of 3 KB can name 1 PiB of them). */
#define KITH_LIMIT_ENTRY_BYTES (UINT64_C(64) << 30)
#define KITH_LIMIT_ZERO_BYTES  (UINT64_C(16) << 30)

/* All that one input expands to. */
#define KITH_LIMIT_INPUT_BYTES (UINT64_C(2) << 40)

/* Expansion of one container beyond its first GiB: deflate cannot exceed 1,032, so a zip that does
 * overlaps itself; zstd reaches 32,000. */
#define KITH_LIMIT_RATIO_ZIP 1100u
#define KITH_LIMIT_RATIO     40000u

/* One worker process: processor time, time without any progress, address space. LZMS needs chunks
 * of 64 MiB and their decoders. */
#define KITH_LIMIT_WORKER_CPU_S   600u
#define KITH_LIMIT_WORKER_STALL_S 30u
#define KITH_LIMIT_WORKER_MEMORY  (UINT64_C(2) << 30)

/* Containers that must be unpacked before they can be opened: all at a time, and one of them. */
#define KITH_LIMIT_SPOOL        (UINT64_C(20) << 30)
#define KITH_LIMIT_SPOOL_MEMBER (UINT64_C(8) << 30)

/* The path of an entry, and its components. */
#define KITH_LIMIT_ENTRY_NAME (32u << 10)

/* Metadata of a package or an image (control file, header, XML) that is read as a whole. */
#define KITH_LIMIT_METADATA ((size_t)32 << 20)

/* ---------------------------------------------- what clients may make kith-serve do */

/* Connections of all threads together; further ones are closed at once (--max-connections). */
#define KITH_LIMIT_SERVE_CONNECTIONS 2048u

/* The head of a request, and fields in it. Browsers and scripts stay far below. */
#define KITH_LIMIT_SERVE_HEAD   (16u << 10)
#define KITH_LIMIT_SERVE_FIELDS 100u

/* A body that is read as a whole (/bulk): 25,000 SHA-256. */
#define KITH_LIMIT_SERVE_BODY ((size_t)2 << 20)

/* One entry of a list that is streamed. */
#define KITH_LIMIT_SERVE_ENTRY ((size_t)64 << 10)

/* What of a list waits while its answers are not read. Many clients send all before they read
 * anything: they get through with 480,000 SHA-256, as long as all lists of a thread together leave
 * room for more than the first. */
#define KITH_LIMIT_SERVE_AHEAD     ((size_t)1 << 20)
#define KITH_LIMIT_SERVE_AHEAD_MAX ((size_t)32 << 20)
#define KITH_LIMIT_SERVE_AHEAD_ALL ((size_t)128 << 20)

/* Requests of one thread at a time that keep something: streamed lists, whole bodies, walks. */
#define KITH_LIMIT_SERVE_STREAMS 128u

/* Bytes a second, both ways together, that such a request must come to over KITH_LIMIT_SERVE_BODY_S
 * and all its time, once another one finds no room. Until then a list may come as slowly as the
 * disk that is hashed. */
#define KITH_LIMIT_SERVE_SLOW 1024u

/* Of these, those that read the sets from one end to the other. */
#define KITH_LIMIT_SERVE_WALKS 2u

/* Places of a container file that are looked at to find one where it was opened. */
#define KITH_LIMIT_SERVE_PLACES 20000u

/* Sessions of hashlookup at a time, and the hashes that one remembers. */
#define KITH_LIMIT_SERVE_SESSIONS       64u
#define KITH_LIMIT_SERVE_SESSION_HASHES 10000u

/* Answers that wait to be sent on one connection, before more is made. */
#define KITH_LIMIT_SERVE_OUTPUT ((size_t)256 << 10)

/* Answers of one thread that clients have not taken yet. Beyond, it answers 503 until they do or
 * are dropped: one answer may have megabytes, and a client may ask on many connections. */
#define KITH_LIMIT_SERVE_UNSENT ((size_t)64 << 20)

/* A line of nsrlsvr: its clients send 512 hashes in one, others thousands. */
#define KITH_LIMIT_SERVE_LINE ((size_t)256 << 10)

/* Seconds: for the head of a request, between requests, for more of a body, for the other side to
 * take any of an answer, and for what was begun when the program is to end. */
#define KITH_LIMIT_SERVE_HEAD_S  10u
#define KITH_LIMIT_SERVE_IDLE_S  60u
#define KITH_LIMIT_SERVE_BODY_S  30u
#define KITH_LIMIT_SERVE_WRITE_S 30u
#define KITH_LIMIT_SERVE_STOP_S  10u
/* Seconds that a client of nsrlsvr may be silent: it may have a disk to hash before it asks again,
 * and takes a closed connection for "not known". What makes room for others is the number of
 * connections. */
#define KITH_LIMIT_SERVE_SILENT_S 3600u

#endif
