// SPDX-License-Identifier: Apache-2.0
//
// table.js: many hashes: counts that are filters too, a table that can be sorted and filtered, CSV.
//
// Rows are laid out as one scrolls to them, so that a long list costs no more than what is seen;
// counts, filters, order and CSV are always of all rows.
import {count, el, number, visible} from './dom.js';
import {badge} from './one.js';
import {csv} from './parse.js';
import {ORDER, VERDICTS, verdictOf} from './words.js';

const STEP = 150; // rows laid out at a time
const PAUSE_MS = 120; // between two pictures of a list that is still growing

export function newRow(label, query = null) {
	return {label, query, verdict: null, sha256: query !== null && query.length === 64 ? query : null, sha1: null,
		md5: null, size: null, names: [], products: [], distributors: [], sources: [], error: null, text: null};
}

export function fillRow(row, answer) {
	const file = answer.ambiguous ? {} : answer;
	const known = file.known_distributors ?? {};
	row.text = null;
	if (answer.error !== undefined) {
		row.verdict = 'error';
		row.error = answer.error;
		return;
	}
	Object.assign(row, {verdict: verdictOf(answer), sha256: file.sha256 ?? row.sha256, sha1: file.sha1 ?? null,
		md5: file.md5 ?? null, size: file.size ?? null, names: known.filenames ?? [],
		products: known.products ?? [], distributors: known.distributors ?? [], sources: known.data_sources ?? []});
}

function textOf(row) {
	row.text ??= [row.label, row.query, row.sha256, row.sha1, row.md5, ...row.names, ...row.products,
		...row.distributors, ...row.sources, row.error].filter(Boolean).join('\n').toLowerCase();
	return row.text;
}

const nameOf = (row) => row.label || row.names[0] || '';

const COLUMNS = [
	{id: 'verdict', title: 'Answer', key: (r) => r.verdict === null ? 99 : ORDER.indexOf(r.verdict)},
	{id: 'name', title: 'File', key: nameOf},
	{id: 'distributors', title: 'Distributors', key: (r) => r.distributors.join('\n')},
	{id: 'products', title: 'Products', key: (r) => r.products.join('\n')},
	{id: 'sources', title: 'Sources', key: (r) => r.sources.join('\n')},
];

const COLLATOR = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

// Empty ones last, whichever way.
function order(column, down) {
	return (a, b) => {
		const x = column.key(a), y = column.key(b);
		if (x === '' || y === '')
			return (x === '') - (y === '');
		const d = typeof x === 'number' ? x - y : COLLATOR.compare(x, y);
		return down ? -d : d;
	};
}

export class ListView {
	// rows are filled from outside; call changed() then.
	constructor(rows, {title, without = 0, stop}) {
		this.rows = rows;
		rows.forEach((row, i) => {
			row.id = i;
		});
		this.title = title;
		this.without = without;
		this.only = null;
		this.needle = '';
		this.sort = null;
		this.shown = [];
		this.timer = null;
		this.open = null; // the row that was opened
		this.problem = el('div');
		this.build(stop);
		this.draw();
	}

	build(stop) {
		this.bar = el('div', {class: 'bar', 'aria-hidden': 'true'});
		this.chips = el('div', {class: 'chips', role: 'group', 'aria-label': 'Show only'});
		this.filter = el('input', {type: 'search', id: 'filter', placeholder: 'Name, product, distributor, hash\u2026',
			spellcheck: 'false', autocomplete: 'off', oninput: () => {
				this.needle = this.filter.value.trim().toLowerCase();
				this.draw();
			}});
		this.save = el('button', {type: 'button', onclick: () => this.download()});
		this.progress = el('progress', {'aria-label': 'Progress', max: '1', value: '0'});
		this.note = el('p', {class: 'note'});
		this.stop = el('button', {type: 'button', class: 'quiet', onclick: stop}, 'Stop');
		this.body = el('tbody');
		this.heads = COLUMNS.map((c) => el('th', {scope: 'col', class: 'c-' + c.id},
			el('button', {type: 'button', onclick: () => this.sortBy(c)}, c.title,
				el('span', {class: 'arrow', 'aria-hidden': 'true'}))));
		this.more = el('button', {type: 'button', class: 'quiet', onclick: () => this.layOut(this.shown.length)},
			'Show all');
		this.foot = el('p', {class: 'note foot'});
		this.table = el('table', {class: 'list'}, el('caption', {class: 'offscreen'}, this.title),
			el('thead', {}, el('tr', {}, this.heads)), this.body);
		this.element = el('article', {class: 'many'},
			el('header', {}, el('h2', {tabindex: '-1', id: 'result'}, this.title), this.note,
				el('div', {class: 'running'}, this.progress, this.stop)),
			this.problem, this.bar, this.chips,
			el('div', {class: 'tools'}, el('label', {for: 'filter'}, 'Filter'), this.filter, this.save),
			this.table, el('div', {class: 'end'}, this.foot, this.more));
		this.watch = new IntersectionObserver((seen) => {
			if (seen.some((s) => s.isIntersecting))
				this.layOut(STEP);
		}, {rootMargin: '1200px'});
		this.watch.observe(this.foot);
	}

	sortBy(column) {
		const again = this.sort !== null && this.sort.column === column;
		this.sort = again && this.sort.down ? null : {column, down: again};
		this.draw();
	}

	changed() {
		this.timer ??= setTimeout(() => {
			this.timer = null;
			this.draw();
		}, PAUSE_MS);
	}

	// null: there is nothing more to come.
	setProgress(done, doing) {
		this.progress.parentNode.hidden = done === null;
		this.progress.value = done ?? 1;
		this.doing = doing ?? '';
		this.changed();
	}

	counts() {
		const n = Object.fromEntries(ORDER.map((v) => [v, 0]));
		let open = 0;
		for (const row of this.rows) {
			if (row.verdict === null)
				open++;
			else
				n[row.verdict]++;
		}
		return {n, open};
	}

	summary() {
		const {n} = this.counts();
		return ORDER.filter((v) => n[v] > 0).map((v) => number(n[v]) + ' ' + VERDICTS[v].title.toLowerCase()).join(', ');
	}

	drawCounts() {
		const {n, open} = this.counts();
		const had = this.chips.contains(document.activeElement) ? document.activeElement.dataset.only : null;
		const chip = (only, content, total) => el('button', {type: 'button', class: 'chip' + (only ? ' v-' + only : ''),
			'data-only': only ?? 'all', 'aria-pressed': String(this.only === only), onclick: () => {
				this.only = only;
				this.draw();
			}}, content, ' ', el('b', {}, number(total)));
		const there = ORDER.filter((v) => n[v] > 0 || v === this.only);

		this.chips.replaceChildren(chip(null, 'All', this.rows.length),
			...there.map((v) => chip(v, [el('span', {'aria-hidden': 'true'}, VERDICTS[v].sign), ' ', VERDICTS[v].title],
				n[v])));
		if (had !== null)
			this.chips.querySelector('[data-only="' + had + '"]')?.focus();
		this.bar.replaceChildren(...[...there.map((v) => [v, n[v]]), ['open', open]].filter(([, k]) => k > 0)
			.map(([v, k]) => {
				const part = el('span', {class: 'v-' + v});
				part.style.flexGrow = k;
				return part;
			}));
		this.note.textContent = [this.doing, this.without > 0 && count(this.without, 'line') + ' without a hash',
			'Names stay in this page; only hashes are sent.'].filter(Boolean).join(' \u00b7 ');
	}

	draw() {
		this.drawCounts();
		this.shown = this.rows.filter((r) => (this.only === null || r.verdict === this.only) &&
			(this.needle === '' || textOf(r).includes(this.needle)));
		if (this.sort !== null)
			this.shown.sort(order(this.sort.column, this.sort.down));
		COLUMNS.forEach((c, i) => {
			const on = this.sort !== null && this.sort.column === c;
			if (on)
				this.heads[i].setAttribute('aria-sort', this.sort.down ? 'descending' : 'ascending');
			else
				this.heads[i].removeAttribute('aria-sort');
		});
		this.save.textContent = 'Download CSV (' + count(this.shown.length, 'row') + ')';
		this.save.disabled = this.shown.length === 0;
		// Where one is reading stays where it is.
		const had = this.body.contains(document.activeElement) ? document.activeElement.dataset.row : null;
		const n = Math.max(STEP, this.body.rows.length);
		this.body.replaceChildren();
		this.layOut(n);
		if (had !== null)
			this.body.querySelector('[data-row="' + had + '"]')?.focus({preventScroll: true});
	}

	layOut(n) {
		const from = this.body.rows.length;
		const to = Math.min(this.shown.length, from + n);
		if (to > from)
			this.body.append(...this.shown.slice(from, to).map((row) => this.row(row)));
		this.foot.textContent = this.shown.length === 0 ? 'No row fits the filter.'
			: to < this.shown.length ? number(to) + ' of ' + count(this.shown.length, 'row') + ' are laid out.' : '';
		this.more.hidden = to === this.shown.length;
	}

	row(row) {
		const id = String(row.id);
		const hash = row.query ?? row.sha256;
		const name = visible(nameOf(row));
		const cut = name.lastIndexOf('/') + 1;
		const cell = (column, texts) => el('td', {class: 'c-' + column,
			title: texts.length > 2 ? texts.slice(0, 40).map(visible).join('\n') : null},
		texts.slice(0, 2).map(visible).join(', '), texts.length > 2
			&& el('span', {class: 'muted'}, ' +' + number(texts.length - 2)));
		return el('tr', {},
			el('td', {class: 'c-verdict'}, row.verdict === null ? el('span', {class: 'muted'}, '\u2026')
				: badge(row.verdict)),
			el('th', {scope: 'row', class: 'c-name'},
				hash === null ? el('span', {class: 'file'}, name.slice(cut))
					: el('a', {href: '#' + hash, class: 'file', 'data-row': id, title: name || null, onclick: () => {
						this.open = id;
					}}, name.slice(cut) || hash),
				cut > 0 && el('span', {class: 'sub'}, name.slice(0, cut)),
				el('span', {class: 'sub'}, row.error ? visible(row.error) : hash ?? 'being hashed')),
			cell('distributors', row.distributors), cell('products', row.products), cell('sources', row.sources));
	}

	// After one looked at a row and came back.
	focus() {
		const link = this.open === null ? null : this.body.querySelector('[data-row="' + this.open + '"]');
		this.open = null;
		(link ?? this.element.querySelector('h2')).focus();
	}

	download() {
		const url = URL.createObjectURL(new Blob(['\ufeff', csv(this.shown)], {type: 'text/csv;charset=utf-8'}));
		const link = el('a', {href: url, download: 'kith.csv'});
		document.body.append(link);
		link.click();
		link.remove();
		setTimeout(() => URL.revokeObjectURL(url), 10000);
	}
}
