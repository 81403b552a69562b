/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_tree.h: the containers of one input, what they say of themselves, and where in the set
 * what lies in them belongs.
 *
 * A file belongs below each product above it: that of the package that it is in, and that of the
 * image that the package is in. So each container has *chains*: from a container with a product
 * (the anchor), or from the input where nothing has one, down to itself.
 */
#ifndef KITH_SOURCES_IMAGE_TREE_H
#define KITH_SOURCES_IMAGE_TREE_H

#include "base/buf.h"
#include "image.h"
#include "image_journal.h"

/* Chains that one container may have: with many copies of one archive in another, and so on. */
#define IMAGE_CHAINS_MAX 4096u
/* Beyond these, of all containers of an input together, each has its first chain only. */
#define IMAGE_CHAINS_ALL      ((size_t)2 << 20)
#define IMAGE_CHAIN_BYTES_ALL ((size_t)128 << 20)

enum image_evidence {
	IMAGE_HASHED,    /* we read the bytes */
	IMAGE_SIGNED,    /* a digest that a publisher declares and signs */
	IMAGE_REFERENCE, /* a digest that somebody declares */
	IMAGE_EVIDENCES
};

#define IMAGE_NO_ANCHOR UINT32_MAX

struct image_chain {
	uint32_t anchor; /* node with a product, or IMAGE_NO_ANCHOR: below the source itself */
	size_t below, below_n; /* in tree->keys: the place key from there */
};

struct image_node {
	uint32_t parent, same_as;
	uint32_t next_alias; /* of the nodes with the same bytes */
	enum kith_place_kind kind;
	bool is_folder;
	bool is_plain;       /* the input, when it is a file and no container */
	size_t name, name_n; /* in tree->texts */
	size_t first_fact, n_facts;
	uint32_t chains, n_chains;       /* in tree->chains; n_chains 0: not made yet */
	uint32_t place[IMAGE_EVIDENCES]; /* of an anchor: the product's place, or KITH_NO_PLACE */
	uint8_t state;                   /* of making the chains */
	bool seen, has_product, hashed;
	bool lacks;                       /* something in it may be read another time */
	uint8_t sha256[KITH_SHA256_SIZE]; /* when hashed */
};

struct image_fact {
	uint32_t node;
	enum kith_fact fact;
	unsigned weight;
	size_t text, text_n; /* in tree->texts */
};

/* Which node lies in which under what name. */
struct image_child {
	uint64_t hash;
	uint32_t node; /* KITH_NO_NODE: free */
};

struct image_tree {
	struct image_node *nodes; /* owned */
	size_t n_nodes, cap_nodes;
	struct image_fact *facts; /* owned; sorted after image_tree_finish */
	size_t n_facts, cap_facts;
	struct image_chain *chains; /* owned */
	size_t n_chains, cap_chains;
	struct image_child *children; /* owned; a power of two */
	size_t n_children;
	struct kith_buf texts, keys;
	bool cut; /* there were more chains than the limits above allow */
};

void image_tree_done(struct image_tree *tree);
enum kith_status image_tree_node(struct image_tree *tree, const struct kith_walk_node *node,
				 struct kith_err *err);
enum kith_status image_tree_fact(struct image_tree *tree, uint32_t node, enum kith_fact fact,
				 unsigned weight, struct kith_bytes text, struct kith_err *err);
/* What the ledger says of a node decides whether it is worth another try. */
void image_tree_note(struct image_tree *tree, uint32_t node, const char *reason);
/* When all are in: sorts, applies the options, makes the chains. */
enum kith_status image_tree_finish(struct image_tree *tree, const struct image_options *options,
				   const char *input_name, struct kith_err *err);

static inline struct kith_bytes image_text(const struct image_tree *tree, size_t at, size_t n)
{
	return (struct kith_bytes){
	    tree->texts.data == NULL ? (const uint8_t *)"" : tree->texts.data + at, n};
}

/* The facts of one kind about a node, and how many; the best first. */
const struct image_fact *image_tree_facts(const struct image_tree *tree, uint32_t node,
					  enum kith_fact fact, size_t *ret_n);

/* The container that lies in `node` under that name and has those bytes: an archive may hold
 * several files of one name. What has no digest is no file (a partition, an initramfs behind
 * another one, the rest of a package that was cut off), so no file is it. KITH_NO_NODE: none. */
uint32_t image_tree_child(const struct image_tree *tree, uint32_t node, const uint8_t *name,
			  size_t name_n, const uint8_t *sha256);

/* "disc.iso > pool/a.deb > data.tar.xz": where a node is. */
void image_tree_where(const struct image_tree *tree, uint32_t node, struct kith_buf *text);

/* A path's folder (may be empty) and last component. */
void image_split(const uint8_t *path, size_t n, size_t *ret_folder_n, size_t *ret_name);

#endif
