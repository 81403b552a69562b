// SPDX-License-Identifier: Apache-2.0
//
// parse.js: from what somebody pastes to hashes, and from answers to CSV. Only hashes leave the
// page: a list's file names stay in it.

const DIGEST = /(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])/g;
// A list's line begins with the digest, and BSD's tools end one with it. Names are no digests, also
// where they look like one, as those of a store of objects do.
const FIRST = /^\s*[\\"']?((?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32}))(?=\s|$)/;
const TAGGED = /^\s*\\?[A-Za-z][\w/-]*\s?\((.*)\)\s?=\s?(\S+)\s*$/;
const LABEL_MAX = 300;

// The entries {query, label} of a text, line by line, and how many lines have no hash. Of a line
// with hashes of several kinds, as CSV and hashdeep have them, the longest kind is asked for.
export function parseList(text) {
	const entries = [];
	let without = 0;

	for (const line of text.split(/\r\n|\r|\n/)) {
		const first = FIRST.exec(line);
		const found = first !== null ? [first[1]] : (TAGGED.exec(line)?.[2] ?? line).match(DIGEST);
		if (found === null) {
			without += line.trim() !== '' && !/^\s*[#%]/.test(line);
			continue;
		}
		const longest = Math.max(...found.map((h) => h.length));
		const hashes = new Set(found.filter((h) => h.length === longest).map((h) => h.toLowerCase()));
		const label = hashes.size === 1 ? labelOf(line, found) : '';
		for (const query of hashes)
			entries.push({query, label});
	}
	return {entries, without};
}

// What a line says besides: the name in sha256sum's, BSD's and similar forms.
function labelOf(line, found) {
	const bsd = TAGGED.exec(line);
	if (bsd !== null)
		return bsd[1].slice(0, LABEL_MAX);
	let rest = line;
	for (const hash of found)
		rest = rest.replace(hash, '');
	if (/^[\s{["]/.test(line) && /[{}[\]]/.test(rest)) // JSON
		return '';
	return rest.replace(/^[\s,;*|"\\]+|[\s,;|"]+$/g, '').slice(0, LABEL_MAX);
}

export function hashOf(text) {
	return /^[0-9a-f]+$/i.test(text) && [32, 40, 64].includes(text.length) ? text.toLowerCase() : null;
}

// A cell that a spreadsheet would take for a formula gets an apostrophe before it.
function cell(value) {
	let text = value === null || value === undefined ? '' : String(value);
	if (/^[\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) || /^[\t\r\n]/.test(text))
		text = "'" + text;
	return '"' + text.replace(/"/g, '""') + '"';
}

function joined(texts) {
	return texts.map((text) => text.replace(/\|/g, '\\x7c')).join('|');
}

// The columns of `kith lookup --format csv`, as far as the table has them.
export function csv(rows) {
	const lines = [['query', 'given_name', 'verdict', 'sha256', 'sha1', 'md5', 'size', 'filenames',
		'products', 'distributors', 'data_sources', 'error']];
	for (const r of rows)
		lines.push([r.query, r.label, r.verdict, r.sha256, r.sha1, r.md5, r.size, joined(r.names),
			joined(r.products), joined(r.distributors), joined(r.sources), r.error]);
	return lines.map((line) => line.map(cell).join(',') + '\r\n').join('');
}
