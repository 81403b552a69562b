/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: finds the command of kith-build and runs it. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct kith_build_cli *const commands[] = {&kith_build_cli_nsrl, &kith_build_cli_image,
							&kith_build_cli_merge, NULL};

/* What was printed must have arrived. */
static int end_output(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? KITH_EXIT_OK : KITH_EXIT_USAGE;
}

static int help(void)
{
	size_t i;

	(void)printf("Usage: kith-build COMMAND -o SET [OPTION]... INPUT...\n"
		     "Makes the sets that 'kith' answers from.\n\n");
	for (i = 0; commands[i] != NULL; i++)
		(void)printf("  %-10s%s\n", commands[i]->name, commands[i]->command->summary);
	(void)printf(
	    "\n  --help     print this; 'kith-build COMMAND --help' tells about a command\n"
	    "  --version  print the version and the set format\n\n"
	    "Exit status: 0 done, 2 usage, unreadable input or failed output, 3 an input is a\n"
	    "set that is missing or damaged.\n");
	return end_output();
}

int main(int argc, char **argv)
{
	static char flag[] = "--help";
	const char *word = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (word == NULL) {
		build_say("a command is missing, see 'kith-build --help'");
		return KITH_EXIT_USAGE;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    (strcmp(word, "help") == 0 && argc == 2))
		return help();
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		(void)printf("kith-build %s\nset format %d\n", kith_version(), KITH_SET_FORMAT);
		return end_output();
	}
	if (strcmp(word, "help") == 0) {
		word = argv[2];
		argv[1] = argv[2];
		argv[2] = flag;
		argc = 3;
	}
	for (i = 0; commands[i] != NULL; i++)
		if (strcmp(word, commands[i]->name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	if (word[0] == '-')
		build_say("unknown option '%s', see 'kith-build --help'", word);
	else
		build_say("unknown command '%s', see 'kith-build --help'", word);
	return KITH_EXIT_USAGE;
}
