// SPDX-License-Identifier: Apache-2.0
//
// words.js: the four answers, what is no answer, and the evidence classes, in words. Nothing here
// is called good, safe or clean: releases contain hacking tools too.

export const VERDICTS = {
	known: {title: 'Known', sign: '\u25cf',
		text: 'A set lists this file, with who distributes it. That says where it comes from, not what it does.'},
	unknown: {title: 'Unknown', sign: '\u25cb',
		text: 'No set on this server has this file. That alone says nothing against it: it may never have been looked at.'},
	trivial: {title: 'Trivial', sign: '\u25d0',
		text: 'An empty file, one repeated byte, or other content that occurs everywhere and proves nothing.'},
	'no-reference': {title: 'No reference', sign: '\u2013',
		text: 'The sets have no index for this kind of hash, so nothing can be said. Ask by SHA-256.'},
	ambiguous: {title: 'Ambiguous', sign: '\u2261',
		text: 'Several different files have this hash. A SHA-256 tells them apart.'},
	error: {title: 'Could not tell', sign: '!',
		text: 'There is no answer. That is not the same as unknown.'},
};

export const ORDER = ['known', 'unknown', 'ambiguous', 'trivial', 'no-reference', 'error'];

export const EVIDENCE = {
	hashed: 'its bytes were read and hashed',
	signed: 'a publisher\u2019s signed claim',
	reference: 'a third party\u2019s database',
	listed: 'a bare list',
};

export const KINDS = {32: 'MD5', 40: 'SHA-1', 64: 'SHA-256'};

export function verdictOf(answer) {
	if (answer.ambiguous)
		return 'ambiguous';
	return Object.hasOwn(VERDICTS, answer.verdict) ? answer.verdict : 'error';
}
