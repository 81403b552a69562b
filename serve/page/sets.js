// SPDX-License-Identifier: Apache-2.0
//
// sets.js: which sets answer, and of when they are: what "unknown" means depends on that.
import {count, el, number, visible} from './dom.js';

function line(set) {
	const lost = set.ledger.filter((row) => row.class === 'skipped' || row.class === 'failed').reduce((sum, row) => sum + row.count, 0);
	return el('tr', {},
		el('th', {scope: 'row'}, visible(set.set), el('span', {class: 'sub', title: set.id}, set.id.slice(0, 12))),
		el('td', {}, set.source_list.map((s) => el('p', {}, visible(s.label),
			el('span', {class: 'muted'}, [s.release, s.date, s.evidence].filter(Boolean).map((t) => ' \u00b7 ' + visible(t))),
			s.notice && el('span', {class: 'notice'}, visible(s.notice))))),
		el('td', {class: 'num'}, number(set.files + set.sha1_only)),
		el('td', {class: 'num'}, number(set.products)),
		el('td', {class: 'num'}, number(lost)));
}

const head = (text, number_) => el('th', {scope: 'col', class: number_ && 'num'}, text);

export function setsView(sets) {
	const files = sets.reduce((sum, s) => sum + s.files + s.sha1_only, 0);
	return el('details', {},
		el('summary', {}, 'Answers come from ' + count(sets.length, 'set') + ' with ' + count(files, 'file')),
		el('div', {class: 'scroll'}, el('table', {class: 'plain sets'},
			el('caption', {class: 'offscreen'}, 'The sets that answer'),
			el('thead', {}, el('tr', {}, head('Set'), head('Sources'), head('Files', true), head('Products', true),
				head('Not covered', true))),
			el('tbody', {}, sets.map(line)))),
		el('p', {class: 'note'}, 'Not covered: what the ledgers list as encrypted, damaged, not supported or over a limit.'));
}
