/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of FIPS 180-4, and that what the processor does is what the portable code does. */
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"

static void assert_hex(const uint8_t digest[KITH_SHA256_SIZE], const char *expected)
{
	char hex[2 * KITH_SHA256_SIZE + 1] = {0};

	(void)kith_hex_encode(digest, KITH_SHA256_SIZE, hex);
	assert_string_equal(hex, expected);
}

static void digest_of(const void *data, size_t n, uint8_t ret[KITH_SHA256_SIZE])
{
	struct kith_sha256 sha;

	kith_sha256_init(&sha);
	kith_sha256_add(&sha, data, n);
	kith_sha256_end(&sha, ret);
}

static void test_examples(void **state)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct kith_sha256 sha;
	uint8_t digest[KITH_SHA256_SIZE], as[1000];
	size_t i;

	(void)state;
	digest_of("", 0, digest);
	assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_of("abc", 3, digest);
	assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_of(two_blocks, strlen(two_blocks), digest);
	assert_hex(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");

	memset(as, 'a', sizeof as);
	kith_sha256_init(&sha);
	for (i = 0; i < 1000; i++)
		kith_sha256_add(&sha, as, sizeof as);
	kith_sha256_end(&sha, digest);
	assert_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the blocks' ends, in pieces of every size. */
static void test_both_agree(void **state)
{
	uint8_t data[300], one[KITH_SHA256_SIZE], other[KITH_SHA256_SIZE];
	size_t n, piece, at;

	(void)state;
	for (at = 0; at < sizeof data; at++)
		data[at] = (uint8_t)(at * 167 + 13);
	for (n = 0; n <= sizeof data; n++) {
		struct kith_sha256 sha;

		digest_of(data, n, one);
		piece = n % 70 + 1;
		kith_sha256_init_portable(&sha);
		for (at = 0; at < n; at += piece)
			kith_sha256_add(&sha, data + at, n - at < piece ? n - at : piece);
		kith_sha256_end(&sha, other);
		assert_memory_equal(one, other, sizeof one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_both_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
