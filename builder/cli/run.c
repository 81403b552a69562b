/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: what a command does after its options are known. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/out.h"
#include "cli.h"
#include "core/memory.h"
#include "core/trivial.h"
#include "progress.h"

#define THREADS_MAX 256u

void build_say(const char *fmt, ...)
{
	char text[2048];
	struct kith_buf buf = {0};
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	if (kith_escape_text(&buf, text, strlen(text)))
		(void)fprintf(stderr, "kith-build: %.*s\n", (int)buf.n, (const char *)buf.data);
	kith_buf_done(&buf);
}

/* ---------------------------------------------------------------- signals */

static volatile sig_atomic_t stop_signal;

/* The first one asks the build to stop; the handler is gone then, so a second one ends at once. */
static void on_signal(int number)
{
	stop_signal = number;
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old, action;
	size_t i;

	/* A limit on file sizes is a failing write like a full disk, with its words. */
	(void)signal(SIGXFSZ, SIG_IGN);
	memset(&action, 0, sizeof action);
	action.sa_handler = on_signal;
	action.sa_flags = (int)SA_RESETHAND;
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) /* nohup stays nohup */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(numbers[i], &action, NULL);
}

/* After a clean end: the shell is to see that a signal ended us. */
static void pass_signal_on(void)
{
	if (stop_signal == 0)
		return;
	(void)signal((int)stop_signal, SIG_DFL);
	(void)raise((int)stop_signal);
}

/* One build, one terminal. */
static struct progress shown;

bool build_progress(const struct kith_progress *at)
{
	progress_show(&shown, at);
	return stop_signal != 0;
}

bool build_stopped(void *unused)
{
	(void)unused;
	return stop_signal != 0;
}

static int on_progress(const struct kith_progress *at, void *user)
{
	(void)user;
	return build_progress(at);
}

void build_message(const char *text, void *unused)
{
	(void)unused;
	progress_message(&shown, text);
}

/* ---------------------------------------------------------------- options */

static bool parse(const struct kith_command *command, struct build_args *args, int argc,
		  char **argv, int *ret_first, int *ret_exit)
{
	struct kith_err err = {0};
	bool help = false;

	*ret_exit = KITH_EXIT_USAGE;
	if (kith_opt_parse(command, argc, argv, ret_first, &help, &err) < 0) {
		build_say("%s", err.msg);
		return false;
	}
	if (help) {
		if (kith_opt_help(command))
			*ret_exit = KITH_EXIT_OK;
		else
			build_say("cannot write to standard output");
		return false;
	}
	if (args->output == NULL)
		build_say("option '-o SET' is missing, see '%s --help'", command->name);
	else if (*ret_first >= argc)
		build_say("an input is missing, see '%s --help'", command->name);
	else if (args->progress != NULL && strcmp(args->progress, "json") != 0)
		build_say("option '--progress': only 'json' is known, see '%s --help'",
			  command->name);
	else if (args->threads > THREADS_MAX)
		build_say("option '--threads': at most %u", THREADS_MAX);
	else if (args->memory != 0 && args->memory < KITH_MEMORY_MIN)
		build_say("option '--memory': at least %zuM", KITH_MEMORY_MIN >> 20);
	else if (args->set_name != NULL && args->set_name[0] == '\0')
		build_say("option '--set-name': a name is missing");
	else
		return true;
	return false;
}

/* The time to write into the set, so that a build can be repeated byte for byte. */
static bool get_epoch(int64_t *ret)
{
	const char *text =
	    getenv("SOURCE_DATE_EPOCH"); /* NOLINT(concurrency-mt-unsafe): no threads */
	size_t n = text == NULL ? 0 : strlen(text);

	*ret = -1;
	if (n == 0)
		return true;
	if (n > 18 || strspn(text, "0123456789") != n) {
		build_say("SOURCE_DATE_EPOCH is '%s', not a number of seconds", text);
		return false;
	}
	*ret = strtoll(text, NULL, 10);
	return true;
}

/* ---------------------------------------------------------------- summary */

static void summary_json(const char *output, const struct kith_build_result *r, const char *id)
{
	struct kith_buf path = {0};

	if (!kith_escape_json(&path, output, strlen(output), NULL))
		goto out;
	(void)fprintf(stderr,
		      "{\"phase\":\"done\",\"set\":\"%.*s\",\"id\":\"%s\",\"size\":%" PRIu64
		      ",\"rows\":%" PRIu64 ",\"files\":%" PRIu64 ",\"sha1_only\":%" PRIu64
		      ",\"occurrences\":%" PRIu64 ",\"names\":%" PRIu64 ",\"places\":%" PRIu64
		      ",\"products\":%" PRIu64 ",\"distributors\":%" PRIu64
		      ",\"conflicts\":%" PRIu64 ",\"trivial\":%" PRIu64 ",\"fragments\":%" PRIu64
		      ",\"skipped\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"scratch\":%" PRIu64 "}\n",
		      (int)path.n, (const char *)path.data, id, r->size_bytes, r->rows, r->files,
		      r->sha1_only, r->occurrences, r->names, r->places, r->products,
		      r->distributors, r->conflicts, r->trivial, r->fragments, r->skipped,
		      r->failed, r->scratch_bytes);
out:
	kith_buf_done(&path);
}

static void summary_text(const char *output, const struct kith_build_result *r, const char *id)
{
	build_say("wrote '%s', %.1f MB, set id %s", output, (double)r->size_bytes / 1e6, id);
	build_say("%" PRIu64 " files, %" PRIu64 " more by SHA-1 alone, %" PRIu64
		  " occurrences from %" PRIu64 " rows",
		  r->files, r->sha1_only, r->occurrences, r->rows);
	build_say("%" PRIu64 " names, %" PRIu64 " places, %" PRIu64 " products, %" PRIu64
		  " distributors",
		  r->names, r->places, r->products, r->distributors);
	build_say("%" PRIu64 " trivial files, %" PRIu64 " fragments, %" PRIu64
		  " files about which sources disagree",
		  r->trivial, r->fragments, r->conflicts);
	if (r->skipped > 0 || r->failed > 0)
		build_say("not covered: %" PRIu64 " skipped, %" PRIu64
			  " failed; 'kith info' shows the reasons",
			  r->skipped, r->failed);
}

/* -------------------------------------------------------------------- run */

bool build_plan_add(struct build_plan *plan, const struct kith_source_ops *ops, const char *input)
{
	const struct kith_source_ops **all =
	    realloc(plan->ops, (plan->n + 1) * sizeof(const struct kith_source_ops *));
	char **inputs;

	if (all == NULL)
		return false;
	plan->ops = all;
	inputs = realloc(plan->inputs, (plan->n + 1) * sizeof(char *));
	if (inputs == NULL)
		return false;
	plan->inputs = inputs;
	plan->ops[plan->n] = ops;
	plan->inputs[plan->n] = strdup(input);
	if (plan->inputs[plan->n] == NULL)
		return false;
	plan->n++;
	return true;
}

static void plan_done(struct build_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		free(plan->inputs[i]);
	free(plan->inputs);
	free(plan->ops);
}

static enum kith_status run(const struct kith_build_options *options, const struct build_plan *plan,
			    struct kith_build_result *ret_result, struct kith_err *err)
{
	struct kith_build *build = NULL;
	enum kith_status st;
	size_t i;

	st = kith_build_new(options, &build, err);
	for (i = 0; i < plan->n && st >= 0; i++) {
		st = kith_build_add(build, plan->ops[i], plan->inputs[i], err);
		if (st >= 0 && stop_signal != 0)
			st = KITH_E_CANCELLED;
	}
	if (st >= 0)
		st = kith_build_run(build, ret_result, err);
	kith_build_free(build);
	return st;
}

static int build_set(const struct build_command *command, const struct build_plan *plan,
		     struct kith_trivial *trivial)
{
	const struct build_args *args = command->args;
	struct kith_build_options options = {
	    .output = args->output,
	    .scratch = args->scratch,
	    .memory = args->memory,
	    .threads = (unsigned)args->threads,
	    .keep_going = args->keep_going,
	    .needs_rows = command->needs_rows,
	    .set_name = args->set_name,
	    .source_options = plan->source_options,
	    .trivial = trivial,
	    .progress = on_progress,
	    .message = build_message,
	};
	struct kith_build_result result = {0};
	struct kith_err err = {0};
	char id[2 * sizeof result.id + 1];
	enum kith_status st;

	if (!get_epoch(&options.source_date_epoch))
		return KITH_EXIT_USAGE;
	st = run(&options, plan, &result, &err);
	progress_wipe(&shown);
	if (st < 0) {
		if (st == KITH_E_CANCELLED)
			build_say("stopped; the set '%s' was not changed", args->output);
		else
			build_say("%s", err.msg[0] != '\0' ? err.msg : kith_status_text(st));
		return KITH_EXIT_USAGE;
	}
	*kith_hex_encode(result.id, sizeof result.id, id) = '\0';
	if (shown.mode == PROGRESS_JSON)
		summary_json(args->output, &result, id);
	else if (!args->quiet)
		summary_text(args->output, &result, id);
	return command->published == NULL ? KITH_EXIT_OK : command->published(&result);
}

int build_command(const struct build_command *command, int argc, char **argv)
{
	const struct build_args *args = command->args;
	struct build_plan plan = {0};
	struct kith_trivial *trivial;
	struct kith_err err = {0};
	int first, status;

	if (!parse(command->command, command->args, argc, argv, &first, &status))
		return status;
	shown = (struct progress){
	    .mode = args->quiet              ? PROGRESS_NONE
		    : args->progress != NULL ? PROGRESS_JSON
		    : isatty(STDERR_FILENO)  ? PROGRESS_LINE
					     : PROGRESS_NONE,
	    .messages = !args->quiet,
	};
	catch_signals();
	kith_memory_keep();
	trivial = kith_trivial_new(); /* a plan that walks images leaves a core idle at its end */
	status = command->plan(argv + first, (size_t)(argc - first), &plan, &err);
	progress_wipe(&shown);
	if (status == KITH_EXIT_OK)
		status = build_set(command, &plan, trivial);
	else if (err.status == KITH_E_CANCELLED)
		build_say("stopped; the set '%s' was not changed", args->output);
	else
		build_say("%s", err.msg);
	kith_trivial_free(trivial);
	plan_done(&plan);
	if (command->done != NULL)
		command->done();
	if (status != KITH_EXIT_OK)
		pass_signal_on();
	return status;
}
