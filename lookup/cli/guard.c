/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c: reading a mapped file that is damaged, was cut off, or lies on a failing medium ends in
 * a signal rather than in an error. While a set is opened, and later within the maps of opened
 * sets, that signal becomes a sentence and exit status 3; anywhere else it does what it always did.
 * LMDB's own assertions (SIGABRT) are about a damaged set too.
 *
 * What must hold: the handler only uses what is safe in one (write, _exit), so every sentence is
 * made when the set is opened; sets are registered before threads start.
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/cli.h"

/* LMDB may follow a damaged number that leads a little beside the map, or a damaged flag to a
 * structure that it does not have: then the address is a small one. */
#define SLACK ((uintptr_t)16 << 20)
#define SMALL ((uintptr_t)64 << 10)

static struct guarded {
	uintptr_t base, end;
	char sentence[640];
	size_t n;
} guarded[KITH_LIMIT_SETS];
static volatile sig_atomic_t n_guarded;
static volatile sig_atomic_t
    opening; /* guarded[n_guarded] is being opened; its range is not known */

static const char *volatile temporary; /* removed however we end; NULL: none */

static void tell(const struct guarded *set)
{
	ssize_t ignored = write(STDERR_FILENO, set->sentence, set->n);

	(void)ignored;
	if (temporary != NULL)
		(void)unlink(temporary);
	_exit(KITH_EXIT_SET);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	int i;

	(void)context;
	if (opening)
		tell(&guarded[n_guarded]);
	for (i = 0; i < n_guarded; i++) {
		if (number == SIGABRT || at < SMALL ||
		    (at + SLACK >= guarded[i].base && at < guarded[i].end + SLACK))
			tell(&guarded[i]);
	}
	(void)signal(number, SIG_DFL); /* not ours: the fault happens again and ends the program */
	if (number == SIGABRT)
		(void)raise(number);
}

static void on_end(int number)
{
	if (temporary != NULL)
		(void)unlink(temporary);
	(void)raise(number); /* its default: SA_RESETHAND */
}

void kith_guard_temporary(const char *path)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old, action;
	size_t i;

	temporary = path;
	if (path == NULL)
		return;
	memset(&action, 0, sizeof action);
	action.sa_handler = on_end;
	action.sa_flags = (int)SA_RESETHAND;
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		/* What nohup ignores stays ignored. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(numbers[i], &action, NULL);
	}
}

void kith_guard_open(const char *path)
{
	struct guarded *g;
	struct sigaction action;
	int n;

	if (n_guarded >= KITH_LIMIT_SETS)
		return;
	g = &guarded[n_guarded];
	n = snprintf(
	    g->sentence, sizeof g->sentence,
	    "kith: the set '%.400s' is damaged, or the medium it is on failed; run 'kith verify' "
	    "on it, and make or copy it anew\n",
	    path);
	g->n = n < 0 ? 0 : (size_t)n < sizeof g->sentence ? (size_t)n : sizeof g->sentence - 1;
	opening = 1;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO;
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGBUS, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGABRT, &action, NULL);
}

void kith_guard_opened(kith_set *set)
{
	struct guarded *g = &guarded[n_guarded];
	const void *base;
	size_t size;

	if (opening && set != NULL) {
		kith_set_map(set, &base, &size);
		g->base = (uintptr_t)base;
		g->end = (uintptr_t)base + size;
		n_guarded++;
	}
	opening = 0;
}
