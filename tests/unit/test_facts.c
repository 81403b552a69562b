/* SPDX-License-Identifier: Apache-2.0 */
/* What the inspectors tell of files, as text: one "kind/weight=fact" for each, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "facts/facts.h"

static void on_fact(void *user, enum kith_fact fact, unsigned weight, const void *text, size_t n)
{
	static const char kinds[] = "pvdslty"; /* t: type, y: link */
	char head[16];

	assert_in_range(n, 1, KITH_FACT_TEXT);
	(void)snprintf(head, sizeof head, "%c%u=", kinds[fact], weight);
	assert_true(kith_buf_add(user, head, strlen(head)) && kith_buf_add(user, text, n) &&
		    kith_buf_add(user, ";", 1));
}

static void on_declared(void *user, const void *name, size_t n, const uint8_t *sha256,
			bool has_size, uint64_t size)
{
	char rest[64];

	(void)snprintf(rest, sizeof rest, "=%02x%02x..%02x/%lld;", sha256[0], sha256[1], sha256[31],
		       has_size ? (long long)size : -1);
	assert_true(kith_buf_add(user, name, n) && kith_buf_add(user, rest, strlen(rest)));
}

/* What is told of a file with these bytes, in a block of its own; NULL: nobody looks at it. */
static const char *told(const char *path, const void *data, size_t n)
{
	static struct kith_buf out;
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct kith_bytes bytes = {copy, n};
	struct kith_bytes head = {copy, n < KITH_FACT_HEAD ? n : KITH_FACT_HEAD};
	const struct kith_fact_sink sink = {&out, on_fact, on_declared};
	const struct kith_inspector *inspector;
	struct kith_blob blob;

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, data, n);
	out.n = 0;
	inspector =
	    kith_inspector_of((struct kith_bytes){(const uint8_t *)path, strlen(path)}, head);
	if (inspector != NULL) {
		kith_blob_memory(&blob, &bytes);
		assert_int_equal(kith_inspect(inspector, &blob, &sink, NULL), KITH_OK);
	}
	free(copy);
	assert_true(kith_buf_add(&out, "", 1));
	return inspector == NULL ? NULL : (const char *)out.data;
}

/* The same, and cut at every length it must not read too far. */
static void expect(const char *path, const char *text, const char *wanted)
{
	size_t n = strlen(text), i;
	const char *is;

	for (i = 0; i < n; i++)
		(void)told(path, text, i);
	is = told(path, text, n);
	assert_non_null(is);
	assert_string_equal(is, wanted);
}

static void systems(void **state)
{
	(void)state;
	expect("./etc/os-release",
	       "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
	       "VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n"
	       "HOME_URL=\"https://www.debian.org/\"\n",
	       "p80=Debian GNU/Linux;v80=12;t80=operating system;y80=https://www.debian.org/;"
	       "d80=Debian;");
	expect("/usr/lib/os-release", "NAME=Ubuntu\nVERSION=\"24.04 LTS\"\nID=ubuntu\n",
	       "p80=Ubuntu;v80=24.04 LTS;t80=operating system;d80=Canonical;");
	expect("etc/os-release", "NAME='Arch Linux'\nID=arch\nBUILD_ID=rolling",
	       "p80=Arch Linux;v80=rolling;t80=operating system;d80=Arch Linux;");
	expect("usr/lib/os-release",
	       "# NAME=no\n NAME=\"a \\\"b\\\" \\$c \\x\"'d e'f\\ g h\nVERSION_ID='1\\2'\nID=own\n",
	       "p80=a \"b\" $c \\xd ef g;v80=1\\2;t80=operating system;d80=a \"b\" $c \\xd ef g;");
	expect("etc/os-release", "VERSION_ID=1\n", "");
	assert_null(told("home/me/etc/os-release", "NAME=a", 6));
	assert_null(told("etc/os-release.bak", "NAME=a", 6));
}

static void debian_packages(void **state)
{
	(void)state;
	expect("./control",
	       "Package: bash\nVersion: 5.2.15-2+b2\nArchitecture: amd64\nEssential: yes\n"
	       "Maintainer: Matthias Klose <doko@debian.org>\nDescription: GNU Bourne Again SHell\n"
	       " Version: 9 is no field\n .\n Bash is a shell\nHomepage: http://a.example/\n",
	       "p100=bash;v100=5.2.15-2+b2;y100=http://a.example/;d100=Debian;");
	expect("control",
	       "Package: a\nVersion: 1-1ubuntu2\nMaintainer: Jane Doe <jane@example.com>\n",
	       "p100=a;v100=1-1ubuntu2;d100=Canonical;");
	expect("control", "Package: a\nVersion: 1\nMaintainer: Jane Doe <jane@example.com>\n",
	       "p100=a;v100=1;d40=Jane Doe;");
	expect("control", "Package: a\nVersion: 1\nmaintainer: x <x@notdebian.org>\n",
	       "p100=a;v100=1;d40=x;");
	expect("control", "Package: a\nVersion: 1\nMaintainer: x <x@lists.debian.org>\n",
	       "p100=a;v100=1;d100=Debian;");
	expect("control", "Package: a\nOrigin: Kali\nMaintainer: <x@y>\n",
	       "p100=a;d100=Kali Linux;");
	expect("control", "Package: a\nOrigin: Our Company\n", "p100=a;d100=Our Company;");
	expect("control", "Package: a\n\nVersion: 2\n", "p100=a;");
	expect("control", "Package:\nVersion: 2\n", "");
	assert_null(told("control", "Source: a\n", 10));
	assert_null(told("a/control", "Package: a\n", 11));
}

static void debian_archives(void **state)
{
	(void)state;
	expect("dists/bookworm/Release",
	       "Origin: Debian\nLabel: Debian\nSuite: stable\nVersion: 12.5\nCodename: bookworm\n",
	       "p50=Debian;v50=12.5;d50=Debian;");
	expect("InRelease",
	       "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Ubuntu\nSuite: noble\n",
	       "p50=Ubuntu;v50=noble;d50=Canonical;");
	assert_null(told("Release", "of the hostages\n", 16));
	expect(".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST",
	       "p60=Debian GNU/Linux;v60=12.5.0;t60=operating system;d60=Debian;");
	expect(".disk/info", "Kubuntu 24.04\n",
	       "p60=Kubuntu;v60=24.04;t60=operating system;d60=Canonical;");
	expect(".disk/info", "My Live System", "");
	expect(".disk/info", "12", "");
	expect(".disk/info", " \n", "");
}

static void other_packages(void **state)
{
	(void)state;
	expect(".PKGINFO",
	       "# Generated by makepkg 6.0.2\npkgname = bash\npkgbase = bash\npkgver = 5.2.026-2\n"
	       "url = https://b.example\npackager = A B <ab@archlinux.org>\nsize = 1\n",
	       "p100=bash;v100=5.2.026-2;y100=https://b.example;d100=Arch Linux;");
	expect("./.PKGINFO",
	       "# Generated by abuild 3.12\npkgname = musl\npkgver = 1.2.5-r0\n"
	       "packager = Buildozer <alpine-devel@lists.alpinelinux.org>\n"
	       "maintainer = T <t@example.org>\n",
	       "p100=musl;v100=1.2.5-r0;d100=Alpine Linux;");
	expect(".PKGINFO",
	       "pkgname = a\npackager = Unknown Packager\nmaintainer = T <t@alpinelinux.org>",
	       "p100=a;d100=Alpine Linux;");
	expect(".PKGINFO", "pkgname = a\npackager = Unknown Packager\n", "p100=a;");
	expect(".PKGINFO", "pkgname = a\npackager = Me\n", "p100=a;d40=Me;");
}

static void container_images(void **state)
{
	static const char id[] = "blobs/sha256/"
				 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	expect(id,
	       "{\"architecture\":\"amd64\",\"config\":{\"Env\":[\"a=b\",{\"x\":[1,2,true]}],"
	       "\"Labels\":{\"org.opencontainers.image.title\":\"My \\\"app\\\" "
	       "\\u00e9\\ud83d\\ude00\","
	       "\"org.opencontainers.image.version\" : \"1.2\",\"x\":\"y\","
	       "\"org.opencontainers.image.vendor\":\"Acme\"}},\"n\":-1.5e3}",
	       "p60=My \"app\" \xc3\xa9\xf0\x9f\x98\x80;v60=1.2;d60=Acme;");
	expect("manifest.json",
	       "[{\"Config\":\"c.json\",\"RepoTags\":[\"reg.example:5000/lib/debian:12\"],"
	       "\"Layers\":[\"a/layer.tar\"]}]",
	       "p40=debian;v40=12;");
	expect(
	    "index.json",
	    "{\"manifests\":[{\"annotations\":{\"org.opencontainers.image.url\":\"http://u\"}}]}",
	    "y60=http://u;");
	/* only there */
	expect("index.json", "{\"manifests\":{\"org.opencontainers.image.url\":\"http://u\"}}", "");
	/* what is before a fault is told */
	expect(
	    "index.json",
	    "{\"manifests\":[],\"annotations\":{\"org.opencontainers.image.title\":\"a\"},\"b\"}",
	    "p60=a;");
	assert_null(told("x/manifest.json", "[{\"Config\":\"c\",\"Layers\":[]}]", 29));
	assert_null(told("blobs/sha256/short", "{}", 2));
}

static void deep_json_is_left(void **state)
{
	size_t n = 200000;
	char *text = malloc(n);

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	memcpy(text, "{\"manifests\":", 13);
	assert_string_equal(told("index.json", text, n), "");
	free(text);
}

static void windows_packages(void **state)
{
	(void)state;
	expect(
	    "AppxManifest.xml",
	    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
	    "<Package xmlns=\"a\" xmlns:uap=\"b\"><Identity Name=\"Acme.App\" Version=\"1.2.3.0\" "
	    "Publisher=\"CN=Acme, O=&quot;Acme, Inc.&quot;, C=US\"/><Properties>"
	    "<DisplayName>The &amp; App</DisplayName>"
	    "<PublisherDisplayName>ms-resource:x</PublisherDisplayName></Properties>"
	    "<Applications><Application><uap:VisualElements/></Application></Applications>"
	    "</Package>",
	    "p100=The & App;v100=1.2.3.0;d100=Acme, Inc.;t100=application;");
	expect("AppxMetadata/AppxBundleManifest.xml",
	       "<Bundle><Identity Name=\"B\" Publisher=\"CN=Acme\" Version=\"1\"/></Bundle>",
	       "p100=B;v100=1;d100=Acme;t100=application;");
	/* no entity of a document is expanded */
	expect("AppxManifest.xml",
	       "<!DOCTYPE P [<!ENTITY a \"aaaa\">]><P><Identity Name=\"&a;\"/></P>", "");
	expect("update.mum",
	       "<?xml version=\"1.0\"?><assembly xmlns=\"urn:schemas-microsoft-com:asm.v3\">"
	       "<assemblyIdentity name=\"Package_for_RollupFix\" version=\"22621.3007.1.9\"/>"
	       "<package identifier=\"KB5034123\" releaseType=\"Security Update\"/></assembly>",
	       "v60=22621.3007.1.9;d60=Microsoft;t60=update;p40=Package_for_RollupFix;"
	       "p60=Windows update KB5034123;");
}

static void declared_digests(void **state)
{
	(void)state;
	expect(
	    "amd64_a_31bf3856ad364e35_10.0.1_none_1.manifest",
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><assembly "
	    "xmlns=\"urn:schemas-microsoft-com:asm.v3\">"
	    "<file name=\"sub\\a.dll\" destinationPath=\"$(runtime.system32)\\\">"
	    "<asmv2:hash xmlns:asmv2=\"x\" xmlns:dsig=\"y\"><dsig:Transforms>"
	    "<dsig:Transform Algorithm=\"urn:schemas-microsoft-com:HashTransforms.Identity\"/>"
	    "</dsig:Transforms>"
	    "<dsig:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha256\"/>"
	    "<dsig:DigestValue>ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=</dsig:DigestValue>"
	    "</asmv2:hash></file>"
	    "<file name=\"old.dll\"><hash><DigestMethod Algorithm=\"x#sha1\"/>"
	    "<DigestValue>ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=</DigestValue></hash></file>"
	    "<file name=\"bad.dll\"><hash><DigestMethod Algorithm=\"x#sha256\"/>"
	    "<DigestValue>ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze9=</DigestValue></hash></file>"
	    "</assembly>",
	    "sub/a.dll=0123..ef/-1;");
	expect("express.psf.cix.xml",
	       "<Container type=\"PSFX\"><Files>"
	       "<File id=\"1\" name=\"amd64_x\\a.dll\" length=\"77\"><Hash alg=\"SHA256\" "
	       "value=\"00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\"/>"
	       "<Delta><Source type=\"PA30\" offset=\"0\" length=\"9\"><Hash alg=\"SHA256\" "
	       "value=\"FF112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\"/>"
	       "</Source></Delta></File>"
	       "<File name=\"amd64_x\\f\\a.dll\" length=\"9\"><Hash alg=\"SHA256\" "
	       "value=\"00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\"/></File>"
	       "<File name=\"b\" length=\"x\"><Hash alg=\"SHA256\" value=\"00\"/></File>"
	       "</Files></Container>",
	       "amd64_x/a.dll=0011..ff/77;");
	assert_null(told("a.manifest", "CACHE MANIFEST\n", 15));
}

/* ------------------------------------------------------------------------- programs */

static uint8_t program[4096];
#define RSRC 1024u /* of the file; its address is 4096 */

static void put16(size_t at, uint32_t v)
{
	program[at] = (uint8_t)v;
	program[at + 1] = (uint8_t)(v >> 8);
}

/* A block of the resource; returns where the blocks in it begin. close_block() sets its length. */
static size_t put_block(size_t at, const char *key, unsigned type)
{
	size_t i;

	put16(at + 4, type);
	for (i = 0; i < strlen(key); i++)
		put16(at + 6 + 2 * i, (uint8_t)key[i]);
	return (at + 6 + 2 * strlen(key) + 2 + 3) / 4 * 4;
}

static size_t close_block(size_t at, size_t end)
{
	put16(at, (uint32_t)(end - at));
	return (end + 3) / 4 * 4;
}

static size_t put_string(size_t at, const char *key, const char *value)
{
	size_t to = put_block(at, key, 1), i;

	for (i = 0; i < strlen(value); i++)
		put16(to + 2 * i, (uint8_t)value[i]);
	put16(at + 2, (uint32_t)strlen(value) + 1);
	return close_block(at, to + 2 * strlen(value) + 2);
}

static void put_program(const char *company, const char *product, const char *version)
{
	size_t root = RSRC + 128, fixed, info, table, at;

	memset(program, 0, sizeof program);
	memcpy(program, "MZ", 2);
	program[60] = 0x80;
	memcpy(program + 0x80, "PE\0\0\x64\x86\1\0", 8);
	memcpy(program + 0x80 + 20, "\xf0\0\x22\0\x0b\2", 6);
	kith_put_le32(program + 0x80 + 24 + 108, 16);
	kith_put_le32(program + 0x80 + 24 + 112 + 16, 4096); /* resources */
	kith_put_le32(program + 0x80 + 24 + 112 + 20, 2048);
	memcpy(program + 0x188, ".rsrc", 5);
	kith_put_le32(program + 0x188 + 8, 3072);
	kith_put_le32(program + 0x188 + 12, 4096);
	kith_put_le32(program + 0x188 + 16, 3072);
	kith_put_le32(program + 0x188 + 20, RSRC);
	/* three folders of one entry each, then the data's */
	put16(RSRC + 14, 1);
	kith_put_le32(program + RSRC + 16, 16);
	kith_put_le32(program + RSRC + 20, 0x80000000u | 24);
	put16(RSRC + 24 + 14, 1);
	kith_put_le32(program + RSRC + 40, 1);
	kith_put_le32(program + RSRC + 44, 0x80000000u | 48);
	put16(RSRC + 48 + 14, 1);
	kith_put_le32(program + RSRC + 64, 0x407);
	kith_put_le32(program + RSRC + 68, 80);
	kith_put_le32(program + RSRC + 80, 4096 + 128);
	kith_put_le32(program + RSRC + 84, 2048);

	fixed = put_block(root, "VS_VERSION_INFO", 0);
	put16(root + 2, 52);
	kith_put_le32(program + fixed, 0xfeef04bd);
	kith_put_le32(program + fixed + 16, 3u << 16 | 4);
	kith_put_le32(program + fixed + 20, 5u << 16 | 6);
	info = fixed + 52;
	table = put_block(info, "StringFileInfo", 1);
	at = put_block(table, "040704b0", 1);
	if (company != NULL)
		at = put_string(at, "CompanyName", company);
	if (product != NULL)
		at = put_string(at, "ProductName", product);
	if (version != NULL)
		at = put_string(at, "ProductVersion", version);
	(void)close_block(table, at);
	(void)close_block(info, at);
	(void)close_block(root, at);
}

static const char *told_program(void)
{
	return told("a.exe", program, sizeof program);
}

static void version_resources(void **state)
{
	size_t i;

	(void)state;
	put_program("Acme Inc.", "Roadrunner trap", "7.0 beta");
	assert_string_equal(told_program(), "d30=Acme Inc.;p30=Roadrunner trap;v30=7.0 beta;");
	/* whatever of it is cut off */
	for (i = 0; i < sizeof program; i++)
		(void)told("a.exe", program, i);
	put_program(NULL, "X", "  ");
	assert_string_equal(told_program(), "p30=X;v30=3.4.5.6;");
	put_program(NULL, NULL, NULL);
	assert_string_equal(told_program(), "v30=3.4.5.6;");
	/* a folder that leads to itself, three levels deep at most */
	kith_put_le32(program + RSRC + 68, 0x80000000u | 48);
	assert_string_equal(told_program(), "");
	put_program("a", "b", "c");
	kith_put_le32(program + RSRC + 20, 0x80000000u);
	assert_string_equal(told_program(), "");
	/* as many entries as can be said, none of them a version */
	put16(RSRC + 12, 0xffff);
	kith_put_le32(program + RSRC + 16, 3);
	kith_put_le32(program + RSRC + 80, 0);
	assert_string_equal(told_program(), "");
	/* beyond its section */
	put_program("a", "b", "c");
	kith_put_le32(program + RSRC + 80, 0xfffffff0u);
	assert_string_equal(told_program(), "");
	put_program("a", "b", "c");
	kith_put_le32(program + RSRC + 84, 0xffffffffu); /* its size, likewise: clipped */
	assert_string_equal(told_program(), "d30=a;p30=b;v30=c;");
}

static void distributors(void **state)
{
	struct kith_bytes name;
	bool known;

	(void)state;
#define NAME(text) ((struct kith_bytes){(const uint8_t *)(text), sizeof(text) - 1})
	name = kith_distributor_of_name(NAME("Ubuntu"));
	assert_memory_equal(name.data, "Canonical", 9);
	name = kith_distributor_of_name(NAME("openSUSE Leap"));
	assert_memory_equal(name.data, "openSUSE", 8);
	name = kith_distributor_of_name(NAME("deb"));
	assert_int_equal(name.n, 3);
	name = kith_distributor_of_name(NAME("debian\0"));
	assert_int_equal(name.n, 7);
	assert_false(kith_distributor_of_mail(NAME(""), &name, &known));
	assert_false(kith_distributor_of_mail(NAME("<"), &name, &known));
	assert_true(kith_distributor_of_mail(NAME("a@debian.org"), &name, &known));
	assert_false(known);
	assert_true(kith_distributor_of_mail(NAME("<a@Debian.ORG>, b"), &name, &known));
	assert_true(known);
#undef NAME
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(systems),           cmocka_unit_test(debian_packages),
	    cmocka_unit_test(debian_archives),   cmocka_unit_test(other_packages),
	    cmocka_unit_test(container_images),  cmocka_unit_test(deep_json_is_left),
	    cmocka_unit_test(windows_packages),  cmocka_unit_test(declared_digests),
	    cmocka_unit_test(version_resources), cmocka_unit_test(distributors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
