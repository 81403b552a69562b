/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the option parser: the input is cut into words at NUL. What must hold: words are only
 * moved, never changed or lost; the operands are in their order; a refusal has words.
 */
#include <stdlib.h>
#include <string.h>

#include "../holds.h"
#include "base/opt.h"

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool flag, other;
	static const char *text;
	static struct kith_opt_list list;
	static size_t size;
	static uint64_t number;
	static const struct kith_opt opts[] = {
	    {KITH_OPT_HEADING, 0, NULL, NULL, NULL, "Options"},
	    {KITH_OPT_FLAG, 'a', "all", &flag, NULL, "a flag"},
	    {KITH_OPT_FLAG, 'b', NULL, &other, NULL, "a flag"},
	    {KITH_OPT_TEXT, 't', "text", &text, "TEXT", "a text"},
	    {KITH_OPT_LIST, 'd', "set", &list, "SET", "a list"},
	    {KITH_OPT_SIZE, 'm', "memory", &size, "SIZE", "a size"},
	    {KITH_OPT_NUMBER, 'n', "limit", &number, "N", "a number"},
	};
	static const struct kith_command command = {
	    .name = "kith try", .usage = "", .summary = "", .opts = opts, .n_opts = 7};
	char *copy = malloc(n + 1), *before[WORDS + 1], *argv[WORDS + 1], name[] = "try";
	struct kith_err err = {.status = KITH_OK};
	int argc = 1, first = 0, i, k, at = 1;
	bool help = false;
	enum kith_status st;

	HOLDS(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	copy[n] = '\0';
	list.n = 0;
	argv[0] = name;
	for (i = 0; (size_t)i <= n && argc < WORDS; i += (int)strlen(copy + i) + 1)
		argv[argc++] = copy + i;
	argv[argc] = NULL;
	memcpy(before, argv, sizeof before);
	st = kith_opt_parse(&command, argc, argv, &first, &help, &err);
	if (st < 0) {
		HOLDS(st == KITH_E_ARG && err.status == st && err.msg[0] != '\0');
	} else {
		HOLDS(first >= 1 && first <= argc);
		HOLDS(argv[0] == name && argv[argc] == NULL);
		for (i = 1; i < argc; i++) { /* the same words, whatever their order */
			for (k = 1; k < argc && before[i] != argv[k]; k++)
				;
			HOLDS(k < argc);
		}
		for (i = first; i < argc; i++) { /* operands in their order */
			for (; at < argc && before[at] != argv[i]; at++)
				;
			HOLDS(at < argc);
		}
	}
	free(copy);
	return 0;
}
