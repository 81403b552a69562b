/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer, so that every compiler can and ctest does:
 *
 *   TARGET [-n ROUNDS] [-s SEED] [-o FILE] FILE_OR_FOLDER...
 *
 * Each corpus file is given to the target as it is, cut at each of its first lengths, and then in
 * ROUNDS mutations, which depend on SEED and the corpus alone. With -o each input is written to
 * FILE before it is tried: after a crash the culprit is there.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define INPUT_MAX  ((size_t)64 << 10) /* longer corpus files are cut */
#define INPUTS_MAX ((size_t)1024)
#define CUTS       ((size_t)512) /* lengths at which an input is cut */
#define GROWTH     ((size_t)64)  /* bytes that a mutation may add */

struct input {
	char *path;
	uint8_t *data;
	size_t n;
};

static struct input inputs[INPUTS_MAX];
static size_t n_inputs;
static const char *out_path;
static uint64_t n_runs;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* SplitMix64: tiny, and the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t limit)
{
	return limit == 0 ? 0 : (size_t)(next_random(state) % limit);
}

/* In a block of exactly n bytes, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	FILE *out;

	if (copy == NULL)
		die("malloc");
	if (n > 0)
		memcpy(copy, data, n);
	if (out_path != NULL) {
		out = fopen(out_path, "wbe");
		if (out == NULL || fwrite(copy, 1, n, out) != n || fclose(out) != 0)
			die(out_path);
	}
	(void)LLVMFuzzerTestOneInput(copy, n);
	n_runs++;
	free(copy);
}

static void load_file(const char *path)
{
	struct input *input = &inputs[n_inputs];
	FILE *in = fopen(path, "rbe");

	if (in == NULL)
		die(path);
	if (n_inputs == INPUTS_MAX) {
		(void)fprintf(stderr, "%s: too many corpus files\n", path);
		exit(2);
	}
	input->path = strdup(path);
	input->data = malloc(INPUT_MAX);
	if (input->path == NULL || input->data == NULL)
		die("malloc");
	input->n = fread(input->data, 1, INPUT_MAX, in);
	if (ferror(in))
		die(path);
	(void)fclose(in);
	n_inputs++;
}

static void load(const char *path)
{
	struct stat st;
	struct dirent *entry;
	DIR *folder;
	char inner[4096];

	if (stat(path, &st) != 0)
		die(path);
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	folder = opendir(path);
	if (folder == NULL)
		die(path);
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >=
		    (int)sizeof inner)
			continue;
		load_file(inner);
	}
	(void)closedir(folder);
}

/* The order of a folder is the file system's: sorted, so that a seed means the same everywhere. */
static int by_path(const void *a, const void *b)
{
	const struct input *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Changes some bytes, bits, lengths; joins a part of another input. */
static size_t mutate(uint8_t *data, size_t n, size_t cap, uint64_t *state)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '"', ',', '\\', '0'};
	size_t changes = 1 + below(state, 6);

	while (changes-- > 0) {
		size_t at = below(state, n), len;
		const struct input *other;

		switch (below(state, 7)) {
		case 0: /* a bit */
			if (n > 0)
				data[at] ^= (uint8_t)(1u << below(state, 8));
			break;
		case 1: /* a byte */
			if (n > 0)
				data[at] = (uint8_t)next_random(state);
			break;
		case 2: /* an edge value */
			if (n > 0)
				data[at] = edges[below(state, sizeof edges)];
			break;
		case 3: /* cut out */
			len = below(state, (n - at < 32 ? n - at : 32) + 1);
			memmove(data + at, data + at + len, n - at - len);
			n -= len;
			break;
		case 4: /* repeat a piece */
			len = below(state, (n - at < 32 ? n - at : 32) + 1);
			if (n + len <= cap) {
				memmove(data + at + len, data + at, n - at);
				n += len;
			}
			break;
		case 5: /* a piece of another */
			other = &inputs[below(state, n_inputs)];
			len = other->n < n - at ? other->n : n - at;
			len = below(state, len + 1);
			if (len > 0)
				memcpy(data + at, other->data + below(state, other->n - len + 1),
				       len);
			break;
		default: /* the end */ n = at; break;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	uint8_t *scratch = malloc(INPUT_MAX + GROWTH);
	unsigned long rounds = 20000, round;
	uint64_t state = 1;
	size_t i, cut;
	int c;

	if (scratch == NULL)
		die("malloc");
	while ((c = getopt(argc, argv, "n:s:o:")) != -1) {
		switch (c) {
		case 'n': rounds = strtoul(optarg, NULL, 10); break;
		case 's': state = strtoull(optarg, NULL, 10); break;
		case 'o': out_path = optarg; break;
		default: return 2;
		}
	}
	for (; optind < argc; optind++)
		load(argv[optind]);
	if (n_inputs == 0) {
		(void)fprintf(stderr, "no corpus\n");
		return 2;
	}
	qsort(inputs, n_inputs, sizeof *inputs, by_path);

	run(scratch, 0);
	for (i = 0; i < n_inputs; i++) {
		run(inputs[i].data, inputs[i].n);
		for (cut = 0; cut < inputs[i].n && cut < CUTS; cut++)
			run(inputs[i].data, cut);
	}
	for (round = 0; round < rounds; round++) {
		const struct input *input = &inputs[below(&state, n_inputs)];

		memcpy(scratch, input->data, input->n);
		run(scratch, mutate(scratch, input->n, INPUT_MAX + GROWTH, &state));
	}
	(void)printf("%zu corpus files, %llu inputs\n", n_inputs, (unsigned long long)n_runs);
	for (i = 0; i < n_inputs; i++) {
		free(inputs[i].path);
		free(inputs[i].data);
	}
	free(scratch);
	return 0;
}
