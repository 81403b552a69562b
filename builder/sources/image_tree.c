/* SPDX-License-Identifier: Apache-2.0 */
/* image_tree.c: see image_tree.h. Node numbers come from a journal: all of them are checked. */
#include "image_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "core/source.h"

/* The user's word beats any fact. */
#define WEIGHT_OPTION 1000u

enum { CHAINS_NONE, CHAINS_BEGUN, CHAINS_MADE };

void image_tree_done(struct image_tree *tree)
{
	free(tree->nodes);
	free(tree->facts);
	free(tree->chains);
	free(tree->children);
	kith_buf_done(&tree->texts);
	kith_buf_done(&tree->keys);
	memset(tree, 0, sizeof *tree);
}

/* Room for one more item; false: no memory. */
static bool grow(void **items, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 256 : 2 * *cap, bytes;
	void *bigger;

	if (n < *cap)
		return true;
	if (!kith_mul_size(more, size, &bytes))
		return false;
	bigger = realloc(*items, bytes);
	if (bigger == NULL)
		return false;
	*items = bigger;
	*cap = more;
	return true;
}

static bool keep_text(struct image_tree *tree, const void *text, size_t n, size_t *ret_at)
{
	*ret_at = tree->texts.n;
	return kith_buf_add(&tree->texts, text, n);
}

static enum kith_status fail_damaged(struct kith_err *err)
{
	return kith_fail(err, KITH_E_CORRUPT, "damaged record of a walk: its containers");
}

enum kith_status image_tree_node(struct image_tree *tree, const struct kith_walk_node *node,
				 struct kith_err *err)
{
	struct image_node *mine;
	void *nodes = tree->nodes;

	/* Numbers are handed out in order, so a parent is there before its children. */
	if (node->node != tree->n_nodes || node->node >= KITH_LIMIT_ENTITIES ||
	    (node->parent != KITH_NO_NODE && node->parent >= node->node) ||
	    (node->parent == KITH_NO_NODE) != (node->node == 0) ||
	    (node->same_as != KITH_NO_NODE && node->same_as >= node->node))
		return fail_damaged(err);
	if (!grow(&nodes, tree->n_nodes, &tree->cap_nodes, sizeof *tree->nodes))
		return kith_fail_nomem(err);
	tree->nodes = nodes;
	mine = &tree->nodes[tree->n_nodes++];
	memset(mine, 0, sizeof *mine);
	mine->parent = node->parent;
	mine->same_as = node->same_as;
	mine->next_alias = KITH_NO_NODE;
	mine->kind = node->kind;
	mine->is_folder = strcmp(node->format, "folder") == 0;
	mine->is_plain = node->format[0] == '\0';
	mine->name_n = node->name_n;
	mine->hashed = node->sha256 != NULL;
	if (mine->hashed)
		memcpy(mine->sha256, node->sha256, KITH_SHA256_SIZE);
	memset(mine->place, 0xff, sizeof mine->place);
	if (node->same_as != KITH_NO_NODE) {
		struct image_node *same = &tree->nodes[node->same_as];

		if (same->same_as != KITH_NO_NODE)
			return fail_damaged(err);
		mine->next_alias = same->next_alias;
		same->next_alias = node->node;
	}
	return keep_text(tree, node->name, node->name_n, &mine->name) ? KITH_OK
								      : kith_fail_nomem(err);
}

enum kith_status image_tree_fact(struct image_tree *tree, uint32_t node, enum kith_fact fact,
				 unsigned weight, struct kith_bytes text, struct kith_err *err)
{
	void *facts = tree->facts;
	struct image_fact *mine;

	if (node >= tree->n_nodes)
		return fail_damaged(err);
	if (text.n == 0)
		return KITH_OK;
	if (!grow(&facts, tree->n_facts, &tree->cap_facts, sizeof *tree->facts))
		return kith_fail_nomem(err);
	tree->facts = facts;
	mine = &tree->facts[tree->n_facts++];
	*mine = (struct image_fact){node, fact, weight, 0, text.n};
	return keep_text(tree, text.data, text.n, &mine->text) ? KITH_OK : kith_fail_nomem(err);
}

/* ------------------------------------------------------------------- facts */

/* qsort has no argument for it; one thread opens inputs. */
static const uint8_t *sort_texts;

static int compare_facts(const void *a, const void *b)
{
	const struct image_fact *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->fact != y->fact)
		return x->fact < y->fact ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return kith_bytes_cmp(sort_texts + x->text, x->text_n, sort_texts + y->text, y->text_n);
}

const struct image_fact *image_tree_facts(const struct image_tree *tree, uint32_t node,
					  enum kith_fact fact, size_t *ret_n)
{
	const struct image_node *n = &tree->nodes[node];
	const struct image_fact *first = tree->facts + n->first_fact;
	size_t i = 0;

	*ret_n = 0;
	if (n->n_facts == 0)
		return NULL;
	while (i < n->n_facts && first[i].fact < fact)
		i++;
	while (i + *ret_n < n->n_facts && first[i + *ret_n].fact == fact)
		(*ret_n)++;
	return first + i;
}

static enum kith_status sort_facts(struct image_tree *tree, struct kith_err *err)
{
	size_t i;

	sort_texts = tree->texts.data;
	if (tree->n_facts > 1)
		qsort(tree->facts, tree->n_facts, sizeof *tree->facts, compare_facts);
	for (i = 0; i < tree->n_facts; i++) {
		struct image_node *node = &tree->nodes[tree->facts[i].node];

		if (node->same_as != KITH_NO_NODE)
			return fail_damaged(err); /* facts are about what was walked */
		if (node->n_facts++ == 0)
			node->first_fact = i;
		if (tree->facts[i].fact == KITH_FACT_PRODUCT)
			node->has_product = true;
	}
	return KITH_OK;
}

static enum kith_status apply_options(struct image_tree *tree, const struct image_options *options,
				      const char *input_name, struct kith_err *err)
{
	const char *const said[] = {options->product, options->version, options->distributor};
	bool any = false, has_product = options->product != NULL;
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < 3 && st >= 0; i++) {
		if (said[i] == NULL)
			continue;
		any = true;
		st = image_tree_fact(tree, 0, (enum kith_fact)i, WEIGHT_OPTION,
				     (struct kith_bytes){(const uint8_t *)said[i], strlen(said[i])},
				     err);
	}
	for (i = 0; i < tree->n_facts && !has_product; i++)
		has_product = tree->facts[i].node == 0 && tree->facts[i].fact == KITH_FACT_PRODUCT;
	/* A version or a distributor needs something that it is of. */
	if (st >= 0 && any && !has_product)
		st = image_tree_fact(
		    tree, 0, KITH_FACT_PRODUCT, 0,
		    (struct kith_bytes){(const uint8_t *)input_name, strlen(input_name)}, err);
	return st;
}

/* ---------------------------------------------------------------- children */

static uint64_t hash_child(uint32_t node, const uint8_t *name, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ node;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ name[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h * UINT64_C(0x9e3779b97f4a7c15);
}

static enum kith_status index_children(struct image_tree *tree, struct kith_err *err)
{
	size_t cap = 64, i, at, bytes;

	while (cap < 2 * tree->n_nodes)
		cap *= 2;
	if (!kith_mul_size(cap, sizeof *tree->children, &bytes))
		return kith_fail_nomem(err);
	tree->children = malloc(bytes);
	if (tree->children == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < cap; i++)
		tree->children[i].node = KITH_NO_NODE;
	tree->n_children = cap;
	for (i = 1; i < tree->n_nodes; i++) {
		const struct image_node *node = &tree->nodes[i];
		uint64_t h = hash_child(node->parent, tree->texts.data + node->name, node->name_n);

		for (at = (size_t)(h >> 32) & (cap - 1); tree->children[at].node != KITH_NO_NODE;)
			at = (at + 1) & (cap - 1);
		tree->children[at] = (struct image_child){h, (uint32_t)i};
	}
	return KITH_OK;
}

uint32_t image_tree_child(const struct image_tree *tree, uint32_t node, const uint8_t *name,
			  size_t name_n, const uint8_t *sha256)
{
	uint64_t h = hash_child(node, name, name_n);
	size_t mask = tree->n_children - 1, at = (size_t)(h >> 32) & mask;

	for (; tree->children[at].node != KITH_NO_NODE; at = (at + 1) & mask) {
		const struct image_node *child = &tree->nodes[tree->children[at].node];

		if (tree->children[at].hash == h && child->parent == node &&
		    child->name_n == name_n && child->hashed &&
		    memcmp(child->sha256, sha256, KITH_SHA256_SIZE) == 0 &&
		    memcmp(tree->texts.data + child->name, name, name_n) == 0)
			return tree->children[at].node;
	}
	return KITH_NO_NODE;
}

/* ------------------------------------------------------------------ chains */

void image_split(const uint8_t *path, size_t n, size_t *ret_folder_n, size_t *ret_name)
{
	size_t i = n;

	while (i > 0 && path[i - 1] != '/')
		i--;
	*ret_name = i;
	/* The folder without its last slash; "/" stays. */
	*ret_folder_n = i <= 1 ? i : i - 1;
}

/* Adds a chain to `node`, which is being made: its chains are the last ones of the array. */
static enum kith_status add_chain(struct image_tree *tree, uint32_t node, uint32_t anchor,
				  const struct image_chain *above, uint32_t component,
				  struct kith_err *err)
{
	struct image_node *mine = &tree->nodes[node];
	const struct image_node *part = &tree->nodes[component];
	const uint8_t *name = tree->texts.data + part->name;
	size_t folder_n, base, at = tree->keys.n, i;
	struct image_chain *chain;
	void *chains = tree->chains;
	struct image_chain from = {0}; /* a copy: the array may move */

	if (above != NULL)
		from = *above;
	if (mine->n_chains >= IMAGE_CHAINS_MAX ||
	    (mine->n_chains > 0 &&
	     (tree->n_chains >= IMAGE_CHAINS_ALL || tree->keys.n >= IMAGE_CHAIN_BYTES_ALL))) {
		tree->cut = true;
		return KITH_OK;
	}
	if (!grow(&chains, tree->n_chains, &tree->cap_chains, sizeof *tree->chains))
		return kith_fail_nomem(err);
	tree->chains = chains;
	if (from.below_n > 0) {
		uint8_t *room = kith_buf_room(&tree->keys, from.below_n);

		if (room == NULL)
			return kith_fail_nomem(err);
		memcpy(room, tree->keys.data + from.below, from.below_n);
		tree->keys.n += from.below_n;
	}
	image_split(name, part->name_n, &folder_n, &base);
	/* The folder that an anchor lies in is not the product's. */
	if (above != NULL && folder_n > 0)
		(void)kith_place_key_add(&tree->keys, KITH_PLACE_FOLDER, name, folder_n);
	if (!kith_place_key_add(&tree->keys, part->kind, component == 0 ? name : name + base,
				component == 0 ? part->name_n : part->name_n - base))
		return kith_fail_nomem(err);
	chain = &tree->chains[tree->n_chains];
	*chain = (struct image_chain){anchor, at, tree->keys.n - at};
	/* Two copies under one name, as in two folders of equal name: once is enough. */
	for (i = 0; i < mine->n_chains; i++) {
		const struct image_chain *other = &tree->chains[mine->chains + i];

		if (other->anchor == anchor && other->below_n == chain->below_n &&
		    memcmp(tree->keys.data + other->below, tree->keys.data + at, other->below_n) ==
			0) {
			tree->keys.n = at;
			return KITH_OK;
		}
	}
	tree->n_chains++;
	mine->n_chains++;
	return KITH_OK;
}

static enum kith_status make_chains(struct image_tree *tree, uint32_t node, unsigned depth,
				    struct kith_err *err);

/* The chains of `node` that come from where `position` (itself, or one with the same bytes) lies.
 */
static enum kith_status add_position(struct image_tree *tree, uint32_t node, uint32_t position,
				     struct kith_err *err)
{
	uint32_t parent = tree->nodes[position].parent, i;
	const struct image_node *mine = &tree->nodes[node];
	enum kith_status st = KITH_OK;

	if (mine->has_product)
		st = add_chain(tree, node, node, NULL, position, err);
	else if (parent == KITH_NO_NODE)
		st = add_chain(tree, node, IMAGE_NO_ANCHOR, NULL, position, err);
	if (parent == KITH_NO_NODE)
		return st;
	for (i = 0; i < tree->nodes[parent].n_chains && st >= 0; i++) {
		const struct image_chain *above = &tree->chains[tree->nodes[parent].chains + i];
		uint32_t anchor = above->anchor;

		/* A folder of packages is not where they are from. */
		if (anchor == IMAGE_NO_ANCHOR && tree->nodes[0].is_folder && mine->has_product)
			continue;
		st = add_chain(tree, node, anchor, above, position, err);
	}
	return st;
}

static enum kith_status make_chains(struct image_tree *tree, uint32_t node, unsigned depth,
				    struct kith_err *err)
{
	uint32_t position;
	enum kith_status st = KITH_OK;

	if (tree->nodes[node].state == CHAINS_MADE)
		return KITH_OK;
	/* What lies in itself, however far down, would go on for ever. */
	if (tree->nodes[node].state == CHAINS_BEGUN || depth > 4 * KITH_LIMIT_DEPTH)
		return fail_damaged(err);
	tree->nodes[node].state = CHAINS_BEGUN;
	/* First what is above, so that this node's chains lie together. */
	for (position = node; position != KITH_NO_NODE && st >= 0;
	     position = tree->nodes[position].next_alias) {
		uint32_t parent = tree->nodes[position].parent;

		if (parent == KITH_NO_NODE)
			continue;
		if (tree->nodes[parent].same_as != KITH_NO_NODE)
			return fail_damaged(err); /* an alias has no children */
		st = make_chains(tree, parent, depth + 1, err);
	}
	tree->nodes[node].chains = (uint32_t)tree->n_chains;
	for (position = node; position != KITH_NO_NODE && st >= 0;
	     position = tree->nodes[position].next_alias)
		st = add_position(tree, node, position, err);
	if (tree->n_chains > UINT32_MAX / 2)
		return kith_fail(err, KITH_E_LIMIT, "too many containers in each other");
	tree->nodes[node].state = CHAINS_MADE;
	return st;
}

/* ------------------------------------------------------------------- notes */

/*
 * A program that is missing may be installed, a part of a split archive may come; a worker that did
 * not end by itself, or found no memory, may have met with a machine that was short of something,
 * and with another version of itself it may read what it crashed on. What is damaged, encrypted,
 * unsupported or over a limit stays so.
 */
void image_tree_note(struct image_tree *tree, uint32_t node, const char *reason)
{
	static const char *const whole[] = {"out of memory", "it could not be read",
					    "it could not be opened again",
					    "it could not be listed"};
	bool lacks = strstr(reason, ": needs the ") != NULL ||
		     strstr(reason, ": not opened by") != NULL ||
		     strncmp(reason, "worker ", 7) == 0 ||
		     (strstr(reason, "part of ") != NULL && strstr(reason, " is missing") != NULL);
	size_t i;

	for (i = 0; i < sizeof whole / sizeof whole[0]; i++)
		lacks = lacks || strcmp(reason, whole[i]) == 0;
	if (lacks)
		tree->nodes[node].lacks = true;
}

void image_tree_where(const struct image_tree *tree, uint32_t node, struct kith_buf *text)
{
	uint32_t chain[2 * KITH_LIMIT_CONTAINER_DEPTH] = {0};
	size_t n = 0;

	for (; node != KITH_NO_NODE && n < sizeof chain / sizeof chain[0];
	     node = tree->nodes[node].parent)
		chain[n++] = node;
	while (n-- > 0) {
		const struct image_node *at = &tree->nodes[chain[n]];

		if (text->n > 0)
			(void)kith_buf_add(text, " > ", 3);
		(void)kith_buf_add(text, tree->texts.data + at->name, at->name_n);
	}
}

/* What a container lacks, all that it lies in lacks too, at each place where it lies. */
static void spread_lacks(struct image_tree *tree)
{
	bool changed = true;
	size_t i;

	while (changed) {
		changed = false;
		for (i = tree->n_nodes; i-- > 1;) {
			struct image_node *node = &tree->nodes[i];

			if (node->same_as != KITH_NO_NODE && tree->nodes[node->same_as].lacks)
				node->lacks = true;
			if (node->lacks && !tree->nodes[node->parent].lacks)
				changed = tree->nodes[node->parent].lacks = true;
		}
	}
}

enum kith_status image_tree_finish(struct image_tree *tree, const struct image_options *options,
				   const char *input_name, struct kith_err *err)
{
	enum kith_status st;
	uint32_t i;

	if (tree->n_nodes == 0)
		return fail_damaged(err);
	spread_lacks(tree);
	st = apply_options(tree, options, input_name, err);
	if (st >= 0)
		st = sort_facts(tree, err);
	if (st >= 0)
		st = index_children(tree, err);
	for (i = 0; i < tree->n_nodes && st >= 0; i++)
		if (tree->nodes[i].same_as == KITH_NO_NODE)
			st = make_chains(tree, i, 0, err);
	return st;
}
