// SPDX-License-Identifier: Apache-2.0
//
// one.js: all that is known of one hash: its distributors with their products and names, the
// chains of containers that it was found in, the sources and how they know.
import {count, el, listing, number, size, visible} from './dom.js';
import {EVIDENCE, KINDS, VERDICTS, verdictOf} from './words.js';

const NAMES_SHOWN = 6;
const BRANCHES_SHOWN = 12;
const SHOW_AT_ONCE = 20000;

// ------------------------------------------------------------------- pieces

export function badge(verdict) {
	const {title, sign} = VERDICTS[verdict];
	return el('span', {class: 'badge v-' + verdict}, el('span', {'aria-hidden': 'true'}, sign), el('span', {class: 'word'}, ' ' + title));
}

function copyButton(text, what) {
	const button = el('button', {type: 'button', class: 'quiet copy', 'aria-label': 'Copy ' + what,
		onclick: async () => {
			const done = await copy(text);
			button.textContent = done ? 'Copied' : 'Select it and press Ctrl+C';
			setTimeout(() => {
				button.textContent = 'Copy';
			}, 1600);
		}}, 'Copy');
	return button;
}

// On plain http navigator.clipboard is missing.
async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = el('textarea', {class: 'offscreen', readonly: true});
		const before = document.activeElement;
		area.value = text;
		document.body.append(area);
		area.select();
		const done = document.execCommand('copy');
		area.remove();
		before?.focus();
		return done;
	}
}

// A list whose tail is folded away.
function folded(items, most, noun) {
	if (items.length <= most + 1)
		return items;
	return [items.slice(0, most), el('li', {class: 'more'}, el('details', {},
		el('summary', {}, number(items.length - most) + ' more ' + noun),
		el('ul', {}, items.slice(most))))];
}

function section(title, note, ...children) {
	return el('section', {}, el('h3', {}, title), note && el('p', {class: 'note'}, note), ...children);
}

// ------------------------------------------------------------- distributors

// distributor ('' for none) -> product -> {versions, names}
function companies(file) {
	const all = new Map();
	const company = (name) => {
		if (!all.has(name))
			all.set(name, new Map());
		return all.get(name);
	};

	for (const o of file.occurrences) {
		for (const name of o.distributors.length > 0 ? o.distributors : ['']) {
			const products = company(name);
			const product = o.product ?? '';
			if (!products.has(product))
				products.set(product, {versions: new Set(), names: new Set()});
			const p = products.get(product);
			if (o.version)
				p.versions.add(o.version);
			p.names.add(o.name);
		}
	}
	for (const name of file.known_distributors?.distributors ?? [])
		company(name);
	return Array.from(all, ([name, products]) => ({name, products: Array.from(products)}))
		.sort((a, b) => (a.name === '') - (b.name === '') || b.products.length - a.products.length ||
			a.name.localeCompare(b.name));
}

function company({name, products}, truncated) {
	return el('article', {class: 'company'},
		el('h4', {}, name === '' ? el('span', {class: 'muted'}, 'No distributor named') : visible(name)),
		el('p', {class: 'note'}, products.length === 0 ? 'beyond the occurrences shown'
			: (truncated ? 'at least ' : '') + count(products.length, 'product')),
		el('ul', {class: 'products'}, folded(products.map(([product, p]) => el('li', {},
			el('span', {class: 'product'}, product === '' ? 'No product named' : visible(product)),
			p.versions.size > 0 && el('span', {class: 'version'}, ' ' + visible(listing([...p.versions], 4))),
			el('ul', {class: 'names', 'aria-label': 'File names'},
				folded([...p.names].map((n) => el('li', {}, visible(n))), NAMES_SHOWN, 'names')))),
		BRANCHES_SHOWN, 'products')));
}

// -------------------------------------------------------------------- chain

// Chains with a common beginning share it. Their steps are divided by " > "; the last one ends with
// the file's name, whatever divides its path.
function tree(occurrences) {
	const root = {below: new Map(), name: ''};
	for (const {chain, name} of occurrences) {
		let at = root;
		for (const step of chain.split(' > ')) {
			if (!at.below.has(step))
				at.below.set(step, {below: new Map(), name: ''});
			at = at.below.get(step);
		}
		at.name = name;
	}
	return root;
}

function branches(node, depth) {
	const items = Array.from(node.below, ([step, child]) => {
		const cut = step.endsWith(child.name) ? step.length - child.name.length : 0;
		const deeper = child.below.size > 0;
		return el('li', {}, deeper ? el('span', {class: depth === 0 ? 'root' : 'step'}, visible(step))
			: el('span', {class: 'leaf'}, el('span', {class: 'folder'}, visible(step.slice(0, cut))),
				el('b', {}, visible(step.slice(cut)))),
		deeper && el('ul', {}, branches(child, depth + 1)));
	});
	return folded(items, BRANCHES_SHOWN, 'here');
}

// ------------------------------------------------------------------ sources

function sources(file) {
	const all = new Map();
	for (const o of file.occurrences) {
		const key = o.source + '\n' + o.evidence;
		const s = all.get(key) ?? {source: o.source, evidence: o.evidence, chains: new Set()};
		s.chains.add(o.chain);
		all.set(key, s);
	}
	const seen = new Set(file.occurrences.map((o) => o.source));
	const beyond = (file.known_distributors?.data_sources ?? []).filter((source) => !seen.has(source));
	return el('div', {class: 'scroll'}, el('table', {class: 'plain'},
		el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, 'Source'), el('th', {scope: 'col'}, 'Evidence'),
			el('th', {scope: 'col', class: 'num'}, 'Places shown'))),
		el('tbody', {}, Array.from(all.values(), (s) => el('tr', {},
			el('th', {scope: 'row'}, visible(s.source)),
			el('td', {}, el('span', {class: 'evidence'}, s.evidence), ' ',
				el('span', {class: 'muted'}, EVIDENCE[s.evidence] ?? '')),
			el('td', {class: 'num'}, number(s.chains.size)))),
		beyond.map((source) => el('tr', {}, el('th', {scope: 'row'}, visible(source)),
			el('td', {colspan: '2'}, el('span', {class: 'muted'}, 'beyond the occurrences shown')))))));
}

// --------------------------------------------------------------------- file

function digests(file) {
	const row = (term, value) => value && [el('dt', {}, term),
		el('dd', {}, el('code', {}, value), copyButton(value, term))];
	return el('dl', {class: 'digests'}, row('SHA-256', file.sha256), row('SHA-1', file.sha1), row('MD5', file.md5),
		file.size !== null && [el('dt', {}, 'Size'),
			el('dd', {}, size(file.size), file.size >= 1024 && el('span', {class: 'muted'},
				' ' + count(file.size, 'byte')))]);
}

function links(known) {
	if (!known?.links?.length)
		return null;
	return section('Links', 'As the sources give them; they lead out of this network.',
		el('ul', {class: 'links'}, folded(known.links.map((url) => el('li', {}, /^https?:\/\//.test(url)
			? el('a', {href: url, rel: 'noreferrer noopener external', target: '_blank'}, visible(url))
			: visible(url))), BRANCHES_SHOWN, 'links')));
}

function conflicts(file) {
	if (!file.alternates?.length)
		return null;
	return section('Sources disagree', 'Some sources claim other digests or another size for this SHA-256.',
		el('ul', {class: 'names block'}, file.alternates.map((a) => el('li', {},
			[a.sha1 && 'SHA-1 ' + a.sha1, a.md5 && 'MD5 ' + a.md5, a.size !== null && size(a.size)]
				.filter(Boolean).join(' \u00b7 ')))));
}

function lead(file) {
	const who = (file.known_distributors?.distributors ?? []).map(visible);
	const what = file.known_distributors?.products ?? [];
	if (who.length === 0 && what.length === 0)
		return null;
	return el('p', {class: 'lead'}, who.length > 0 ? 'Distributed by ' + listing(who) : 'No distributor is named',
		what.length > 0 && ', in ' + (what.length === 1 ? visible(what[0]) : number(what.length) + ' products'), '.');
}

function fileParts(file, showAll) {
	const all = companies(file);
	const some = file.occurrences.length > 0;
	return [
		digests(file),
		some && section('Known distributors', null, el('div', {class: 'companies'}, all.map((c) => company(c, file.truncated)))),
		some && section('Provenance', file.truncated
			? ['The answer holds some of ' + count(file.occurrences_total, 'occurrence') + '. ',
				file.occurrences_total <= SHOW_AT_ONCE && el('button', {type: 'button', class: 'quiet',
					onclick: () => showAll(file.occurrences_total)}, 'Show all')]
			: count(file.occurrences_total, 'occurrence') + ', each with all that it lies in',
		el('ul', {class: 'tree'}, branches(tree(file.occurrences), 0))),
		some && section('Sources', null, sources(file)),
		conflicts(file),
		links(file.known_distributors),
	];
}

// The names, the one that tells most first: short, with an ending, seen by a reader.
function bestName(file) {
	const names = file.known_distributors?.filenames ?? [];
	const score = (n) => (/^[\w .+\-()@]+$/.test(n) ? 0 : 2) + (/\.[A-Za-z0-9]{1,8}$/.test(n) ? 0 : 1);
	return names.length === 0 ? null : [...names].sort((a, b) => score(a) - score(b))[0];
}

// The view of an answer. label: the name of the file that was dropped, or of the list's line.
export function oneView(answer, {label, showAll}) {
	const verdict = verdictOf(answer);
	const name = answer.ambiguous ? null : bestName(answer);
	const others = (answer.known_distributors?.filenames?.length ?? 1) - 1;
	const heading = label || (verdict === 'trivial' ? (answer.size === 0 ? 'Empty file' : 'Common content') : name);
	const bare = !heading && !answer.ambiguous; // the hash is all there is

	return el('article', {class: 'one'},
		el('header', {class: 'verdict'},
			badge(verdict),
			el('h2', {tabindex: '-1', id: 'result'}, heading ? visible(heading)
				: el('code', {class: 'wrap'}, answer.query)),
			bare && el('p', {class: 'bare'}, copyButton(answer.query, 'the hash')),
			verdict === 'known' && lead(answer),
			label && name && el('p', {class: 'note'}, 'Your file. Known as ' + visible(name) +
				(others > 0 ? ' and under ' + count(others, 'other name') : '') + '.'),
			label && !name && el('p', {class: 'note'}, 'Your file; only its hash was sent.'),
			el('p', {class: 'meaning'}, VERDICTS[verdict].text),
			verdict === 'no-reference' && el('p', {class: 'note'}, 'You asked by ' +
				KINDS[answer.query.length] + '.'),
			answer.flags?.filter((f) => f !== 'trivial').length > 0 && el('p', {class: 'note'},
				'Marked in the set: ' + answer.flags.join(', ') + '.')),
		answer.ambiguous
			? answer.files.map((file, i) => el('section', {class: 'candidate'},
				el('h3', {}, 'File ' + (i + 1) + ' of ' + answer.files.length),
				file.sha256 && el('p', {}, el('a', {href: '#' + file.sha256}, 'Open by SHA-256')),
				fileParts(file, showAll)))
			: !bare && fileParts(answer, showAll));
}
