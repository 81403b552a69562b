/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h: what the walk and its worker programs say to each other: messages as bytes, several to a
 * packet of a SOCK_SEQPACKET socket. Both sides run the same build, so there is one version, and a
 * packet of another is refused.
 *
 * The decoder takes the other side for hostile, because a worker may have been taken over by what
 * it parses: every length has a bound, every enum a range, every text that becomes a C string is
 * printable ASCII. What it gives out points into the packet.
 */
#ifndef KITH_EXTRACT_WIRE_H
#define KITH_EXTRACT_WIRE_H

#include "containers/container.h"

/* A packet is sent when it has this many bytes, and never has more than the second. */
#define KITH_PACKET_FULL ((size_t)48 << 10)
#define KITH_PACKET_MAX  ((size_t)160 << 10)
/* Descriptors in one packet; the kernel takes 253. */
#define KITH_PACKET_FDS 64

/* A child in more pieces than this is copied. */
#define KITH_WIRE_EXTENTS 2000
#define KITH_WIRE_TEXT    4096 /* a fact, a claim, a sentence */
#define KITH_WIRE_REASON  120
/* From this size the walk hears of a file that is a container before it is hashed. */
#define KITH_EARLY_BYTES (UINT64_C(16) << 20)

enum kith_wire_type {
	/* From a worker: what it found. */
	KITH_WIRE_FILE = 1, /* item flags name digests claims */
	KITH_WIRE_CHILD,    /* item flags code=format number2=spool name digests extents */
	KITH_WIRE_NOTE,     /* item code=class number=count text=reason name=example */
	KITH_WIRE_FACT,     /* item code=fact number=weight name=the fact */
	KITH_WIRE_KIND,     /* text */
	KITH_WIRE_DECLARED, /* item flags number=size name declared */
	KITH_WIRE_EXPECT,   /* text=child name=path declared */
	KITH_WIRE_ITEM,     /* item: this file is done */
	KITH_WIRE_PROGRESS, /* number=bytes so far */
	KITH_WIRE_END,      /* code=-status text=sentence; nothing follows */
	/* From a worker: what it wants an answer to. */
	KITH_WIRE_SPOOL,   /* number=bytes so far or expected, number2=id, name */
	KITH_WIRE_DROP,    /* number2=id: the spool is not needed; no answer */
	KITH_WIRE_SIBLING, /* text=name */
	/* To a worker. */
	KITH_WIRE_JOB, /* flags code=format or 0 for files, name extents limits; 1 fd if a format */
	KITH_WIRE_OPEN,   /* item number=size name; a file to hash; 1 fd each */
	KITH_WIRE_ANSWER, /* flags number=granted bytes, or a sibling's size; extents; 0 or 1 fd */
	/* To and from the process that workers are forked from. */
	KITH_WIRE_LACKS, /* text=container name=sentence: its preparation failed */
	KITH_WIRE_READY,
	KITH_WIRE_SPAWN, /* item=job; 1 fd */
	KITH_WIRE_KILL,  /* item=job */
	KITH_WIRE_GONE,  /* item=job number=wait status number2=peak memory, KiB */
	KITH_WIRE_TYPES
};

enum {
	KITH_WIRE_F_STREAM = 1, /* a stream of a file */
	KITH_WIRE_F_SPARSE = 2,
	KITH_WIRE_F_SIZED = 4, /* number is a size */
	KITH_WIRE_F_SIGNED = 8,
	/* a child without digests: it is no file; of a file to hash: they will come */
	KITH_WIRE_F_INNER = 16,
	KITH_WIRE_F_SPOOLED = 32, /* it lies in a spool; else in extents of the file */
	KITH_WIRE_F_CAREFUL = 32, /* a job: each message leaves at once */
	KITH_WIRE_F_MORE = 16,    /* a job: after it wait for another one */
	KITH_WIRE_F_READ = 32,    /* an answer: a sibling that is walked itself */
	KITH_WIRE_F_YES = 64      /* an answer: granted, found */
};

struct kith_wire_limits {
	uint64_t entries, file_bytes, zero_bytes, ratio, cpu_seconds, memory, spool_member;
	uint64_t threads; /* for hashing, besides its own */
};

struct kith_wire {
	enum kith_wire_type type;
	unsigned flags;
	uint32_t item;
	uint32_t code;
	uint64_t number, number2;
	struct kith_bytes text, name;
	struct kith_digests digests;
	struct kith_declared declared;
	struct kith_bytes claims[KITH_FACTS];
	struct kith_wire_limits limits;
	const struct kith_extent *extents; /* to encode */
	size_t n_extents;
	const uint8_t *extents_at; /* decoded: for kith_wire_extents() */
};

/* Begins a packet. */
bool kith_wire_start(struct kith_buf *out);
bool kith_wire_put(struct kith_buf *out, const struct kith_wire *message);

/* The first message of a packet; false: not a packet of ours. */
bool kith_wire_open(const uint8_t **pos, const uint8_t *end);
/* The message at *pos, which is before end. False: against the rules above. */
bool kith_wire_get(const uint8_t **pos, const uint8_t *end, struct kith_wire *ret);
/* The message's n_extents extents. */
void kith_wire_extents(const struct kith_wire *message, struct kith_extent *ret);

#endif
