/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: finds the command and runs it; the other programs of kith are started in its place. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define KITH_CLI(id) extern const struct kith_cli kith_cli_##id;
#include "cli/commands.def"
#undef KITH_CLI

static const struct kith_cli *const commands[] = {
#define KITH_CLI(id) &kith_cli_##id,
#include "cli/commands.def"
#undef KITH_CLI
    NULL,
};

static const struct program {
	const char *name, *summary;
} programs[] = {
    {"build", "make sets from NSRL releases and other sources (kith-build)"},
    {"scan", "look up whole folders and disk images (kith-scan)"},
    {"serve", "answer over the network (kith-serve)"},
};
#define N_PROGRAMS (sizeof programs / sizeof *programs)

static bool line(struct kith_out *out, const char *name, const char *summary)
{
	static const char blank[] = "          ";
	size_t n = strlen(name);

	return kith_out_text(out, "  ") && kith_out_text(out, name) &&
	       kith_out_write(out, blank, n < 10 ? 10 - n : 1) && kith_out_text(out, summary) &&
	       kith_out_text(out, "\n");
}

static int help(void)
{
	struct kith_out out;
	size_t i;

	kith_out_init(&out, STDOUT_FILENO);
	(void)kith_out_text(&out, "Usage: kith COMMAND [OPTION]... [OPERAND]...\n"
				  "Says who distributes a file, from sets on this machine.\n\n");
	for (i = 0; commands[i] != NULL; i++)
		(void)line(&out, commands[i]->name, commands[i]->command->summary);
	(void)kith_out_text(&out, "\nOther programs, where they are installed:\n");
	for (i = 0; i < N_PROGRAMS; i++)
		(void)line(&out, programs[i].name, programs[i].summary);
	(void)kith_out_text(
	    &out, "\n  --help     print this; 'kith COMMAND --help' tells about a command\n"
		  "  --version  print the version and the set format\n\n"
		  "Exit status: 0 all found or done, 1 a hash is unknown, 2 usage or unreadable\n"
		  "input, 3 a set is missing, damaged or wrong.\n");
	return kith_cli_end(&out, KITH_EXIT_OK);
}

static int version(void)
{
	struct kith_out out;

	kith_out_init(&out, STDOUT_FILENO);
	(void)kith_out_text(&out, "kith ");
	(void)kith_out_text(&out, kith_version());
	(void)kith_out_text(&out, "\nset format ");
	(void)kith_buf_add_number(&out.buf, KITH_SET_FORMAT);
	(void)kith_out_text(&out, "\n");
	return kith_cli_end(&out, KITH_EXIT_OK);
}

/* Runs kith-NAME: the one beside this program, else the one in PATH. */
static int start(const char *name, char **argv)
{
	char self[4096], program[32];
	struct kith_err err;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - sizeof program - 1);
	char *slash;

	(void)snprintf(program, sizeof program, "kith-%s", name);
	argv[0] = program;
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL) {
			memcpy(slash + 1, program, strlen(program) + 1);
			(void)execv(self, argv);
		}
	}
	(void)execvp(program, argv);
	if (errno == ENOENT) {
		kith_cli_say("the program '%s' is not installed", program);
	} else {
		(void)kith_fail_errno(&err, errno, "cannot run '%s'", program);
		kith_cli_say("%s", err.msg);
	}
	return KITH_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	size_t i;

	/* Whoever stops reading ends us, as every filter; also where the parent ignores it. */
	(void)signal(SIGPIPE, SIG_DFL);
	if (word == NULL) {
		kith_cli_say("a command is missing, see 'kith --help'");
		return KITH_EXIT_USAGE;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return help();
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return version();
	if (strcmp(word, "help") == 0 && argc == 2)
		return help();
	if (strcmp(word, "help") == 0) { /* "kith help lookup" is "kith lookup --help" */
		static char flag[] = "--help";

		word = argv[2];
		argv[1] = argv[2];
		argv[2] = flag;
		argc = 3;
	}
	for (i = 0; commands[i] != NULL; i++) {
		if (strcmp(word, commands[i]->name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	}
	for (i = 0; i < N_PROGRAMS; i++) {
		if (strcmp(word, programs[i].name) == 0)
			return start(word, argv + 1);
	}
	kith_cli_say(word[0] == '-' ? "unknown option '%s', see 'kith --help'"
				    : "unknown command '%s', see 'kith --help'",
		     word);
	return KITH_EXIT_USAGE;
}
