/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c: what must hold is that the handler leaves only code of ours and of LMDB's that reads a
 * map. That code holds no lock, and malloc and the event loop never read a map, so neither is
 * interrupted half-way. A fault at any other address does what it always did.
 */
#define _POSIX_C_SOURCE 200809L
#include "guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

/* LMDB may follow a damaged number that leads a little beside the map, or a damaged flag to a
 * structure that it does not have: then the address is a small one. */
#define SLACK ((uintptr_t)16 << 20)
#define SMALL ((uintptr_t)64 << 10)

struct guard {
	sigjmp_buf back;
	const struct kith_sets *sets;
};
static _Thread_local struct guard *volatile active;

static bool within(const struct kith_sets *sets, uintptr_t at)
{
	size_t i, size;
	const void *base;

	if (sets == NULL || at < SMALL)
		return true;
	for (i = 0; i < sets->n; i++) {
		kith_set_map(sets->sets[i], &base, &size);
		if (at + SLACK >= (uintptr_t)base && at < (uintptr_t)base + size + SLACK)
			return true;
	}
	return false;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct guard *guard = active;

	(void)context;
	if (guard != NULL && (number == SIGABRT || within(guard->sets, (uintptr_t)info->si_addr)))
		siglongjmp(guard->back, 1);
	(void)signal(number, SIG_DFL); /* not ours: the fault happens again and ends the program */
	if (number == SIGABRT)
		(void)raise(number);
}

void kith_guard_init(void)
{
	static const int numbers[] = {SIGBUS, SIGSEGV, SIGABRT};
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_fault;
	/* NODEFER, so that the mask needs not be saved and restored for each request. */
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		(void)sigaction(numbers[i], &action, NULL);
}

enum kith_status kith_guarded(enum kith_status (*fn)(void *arg), void *arg,
			      const struct kith_sets *sets, bool *ret_fault)
{
	struct guard guard;
	enum kith_status st;

	*ret_fault = false;
	guard.sets = sets;
	if (sigsetjmp(guard.back, 0) != 0) {
		active = NULL;
		*ret_fault = true;
		return KITH_E_CORRUPT;
	}
	active = &guard;
	st = fn(arg);
	active = NULL;
	return st;
}
