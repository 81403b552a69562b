// SPDX-License-Identifier: Apache-2.0
//
// app.js: what the page is doing. The address says what is shown: #HASH is the view of one hash,
// #list the list that was pasted or dropped last, anything else the start page.
//
// A list goes on while one of its rows is looked at; a new list ends the one before, a new look the
// one before. What an ended one still gets is not shown.
import * as api from './api.js';
import {count, el, number, say, visible} from './dom.js';
import {chosen, dropped, hashFile} from './files.js';
import {badge, oneView} from './one.js';
import {hashOf, parseList} from './parse.js';
import {setsView} from './sets.js';
import {fillRow, ListView, newRow} from './table.js';
import {ORDER, VERDICTS, verdictOf} from './words.js';

const ASKED_AT_ONCE = 200; // hashed files that wait at most for being asked about

const view = document.getElementById('view');
const input = document.getElementById('q');
const trouble = document.getElementById('trouble');
const labels = new Map(); // what the user calls a hash
let list = null;
let work = new AbortController(); // of the list
let look = new AbortController(); // of one hash or one file

function beginLook() {
	look.abort();
	look = new AbortController();
	trouble.textContent = '';
	input.removeAttribute('aria-invalid');
	view.removeAttribute('aria-busy');
	return look.signal;
}

function beginWork() {
	beginLook();
	work.abort();
	work = new AbortController();
	return work.signal;
}

function show(node, title) {
	document.body.classList.toggle('home', node === null);
	view.replaceChildren(...(node === null ? [] : [node]));
	document.title = title ? title + ' \u2013 kith' : 'kith';
}

function focusResult() {
	document.getElementById('result')?.focus();
}

function complain(text) {
	trouble.textContent = text;
	input.setAttribute('aria-invalid', 'true');
	input.focus();
}

// ------------------------------------------------------------------- errors

function keyForm(again) {
	const field = el('input', {type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', required: true});
	return el('form', {class: 'key', onsubmit: (event) => {
		event.preventDefault();
		api.setKey(field.value.trim());
		loadSets();
		again();
	}}, el('label', {for: 'key'}, 'API key'), field, el('button', {type: 'submit', class: 'primary'}, 'Use this key'),
	el('p', {class: 'note'}, 'It is kept until this tab is closed, and sent to this server only.'));
}

// What went wrong, as part of the page; again() repeats what failed.
function problem(error, again) {
	const texts = {
		key: [api.hasKey() ? 'The server does not accept this API key' : 'This server asks for an API key',
			'Whoever runs it gives them out.'],
		busy: ['Could not tell', 'The server cannot answer just now: a set may be damaged, or too much is going on. That is not the same as unknown.'],
		gone: ['No connection', 'The server does not answer. Nothing is known about this yet.'],
		bad: ['The server did not accept the question', ''],
		odd: ['Could not tell', 'The answer cannot be used. That is not the same as unknown.'],
	};
	const [title, text] = texts[error.kind] ?? ['Something went wrong in this page', String(error)];
	const retry = error.kind === 'key' ? keyForm(again)
		: el('button', {type: 'button', onclick: again}, 'Try again');
	say(title);
	return el('section', {class: 'problem' + (error.kind === 'key' ? ' asks' : ''), 'aria-labelledby': 'problem'},
		el('h2', {id: 'problem', tabindex: '-1'}, title), el('p', {}, text),
		error.kind !== 'key' && error.message && error.kind in texts
			&& el('p', {class: 'note'}, 'It says: ' + visible(error.message)), retry);
}

function showProblem(error, again) {
	show(problem(error, again), 'Could not tell');
	(document.getElementById('key') ?? document.getElementById('problem')).focus();
}

// ------------------------------------------------------------------ one hash

async function showOne(hash, limit) {
	const signal = beginLook();
	const back = list !== null && el('p', {class: 'back'}, el('a', {href: '#list'}, '\u2190 Back to the list'));

	if (input.value.trim().toLowerCase() !== hash && !input.value.includes('\n'))
		setInput(hash);
	say('Looking it up');
	view.setAttribute('aria-busy', 'true');
	try {
		const answer = await api.file(hash, signal, limit);
		const verdict = verdictOf(answer);
		show(el('div', {}, back, oneView(answer, {label: labels.get(hash),
			showAll: (n) => showOne(hash, n)})), VERDICTS[verdict].title);
		say(VERDICTS[verdict].title + '. ' + VERDICTS[verdict].text);
		focusResult();
	} catch (error) {
		if (!signal.aborted)
			showProblem(error, () => showOne(hash, limit));
	} finally {
		if (!signal.aborted)
			view.removeAttribute('aria-busy');
	}
}

// ---------------------------------------------------------------------- list

function openList() {
	show(list.element, list.title);
	list.draw();
	list.focus();
}

function startList(rows, title, without) {
	list = new ListView(rows, {title, without, stop: () => {
		work.abort();
		list.setProgress(null, 'Stopped');
		say('Stopped. ' + list.summary());
	}});
	if (location.hash === '#list')
		openList();
	else
		location.hash = '#list';
}

function finished(mine) {
	mine.setProgress(null, '');
	mine.draw();
	say('Done: ' + mine.summary());
}

// Each hash is asked for once, however often a list has it.
async function askRows(mine, rows, signal, progress) {
	const byHash = new Map();
	for (const row of rows) {
		if (!byHash.has(row.query))
			byHash.set(row.query, []);
		byHash.get(row.query).push(row);
	}
	const hashes = [...byHash.keys()];
	await api.files(hashes, signal, (i, answer) => {
		for (const row of byHash.get(hashes[i])) {
			fillRow(row, answer);
			progress();
		}
		mine.changed();
	});
}

async function runList(rows, signal) {
	const mine = list;
	let done = rows.filter((r) => r.verdict !== null).length;
	mine.problem.replaceChildren();
	say('Looking up ' + count(rows.length, 'hash', 'hashes'));
	mine.setProgress(done / rows.length, 'Looking up');
	try {
		await askRows(mine, rows.filter((r) => r.verdict === null), signal, () => {
			mine.setProgress(++done / rows.length, number(done) + ' of ' + number(rows.length));
		});
		finished(mine);
	} catch (error) {
		listFailed(error, signal, mine, () => runList(rows, beginWork()));
	}
}

function listFailed(error, signal, mine, again) {
	if (signal.aborted)
		return;
	mine.setProgress(null, 'Not finished');
	mine.problem.replaceChildren(problem(error, again));
	if (location.hash === '#list')
		(document.getElementById('key') ?? document.getElementById('problem'))?.focus();
}

// --------------------------------------------------------------------- files

// Hashes them, and asks for those that are hashed while others still are.
async function runFiles(files, rows, signal) {
	const mine = list;
	const bytes = files.reduce((sum, f) => sum + (f.file?.size ?? 0), 0);
	const at = new Array(files.length).fill(0);
	let ready = [], hashed = 0, next = 0, read = 0, asking = Promise.resolve();

	const flush = () => {
		const some = ready;
		ready = [];
		asking = asking.then(() => askRows(mine, some, signal, () => {}));
		asking.catch(() => {}); // is told at the end
	};
	const step = (i, n) => {
		read += n - at[i];
		at[i] = n;
		mine.setProgress(bytes === 0 ? hashed / files.length : read / bytes,
			number(hashed) + ' of ' + count(files.length, 'file') + ' hashed');
	};
	const one = async (i) => {
		const row = rows[i];
		try {
			if (files[i].file === null)
				throw new Error('cannot be read');
			row.query = row.sha256 = await hashFile(files[i].file, {signal, progress: (n) => step(i, n)});
			row.text = null;
			labels.set(row.query, row.label);
			ready.push(row);
		} catch (error) {
			if (signal.aborted)
				throw error;
			row.verdict = 'error';
			row.error = 'cannot be read: ' + error.message;
		}
		hashed++;
		step(i, files[i].file?.size ?? 0);
		mine.changed();
		if (ready.length >= ASKED_AT_ONCE)
			flush();
	};
	const lane = async () => {
		while (next < files.length)
			await one(next++);
	};

	say('Hashing ' + count(files.length, 'file'));
	mine.setProgress(0, 'Hashing');
	try {
		await Promise.all([lane(), lane(), lane(), lane()]);
		flush();
		await asking;
		finished(mine);
	} catch (error) {
		listFailed(error, signal, mine, () => runList(rows.filter((r) => r.query !== null), beginWork()));
	}
}

async function runFile({file, label}) {
	const signal = beginLook();
	const progress = el('progress', {max: '1', value: '0', 'aria-label': 'Hashing'});
	const rate = el('p', {class: 'note'});

	show(el('article', {class: 'one hashing'}, el('h2', {tabindex: '-1', id: 'result'}, visible(label)), progress, rate),
		'Hashing');
	focusResult();
	say('Hashing ' + label);
	try {
		if (file === null)
			throw new Error('it cannot be read');
		const hash = await hashFile(file, {signal, progress: (n) => {
			progress.value = n / Math.max(1, file.size);
			rate.textContent = Math.floor(100 * progress.value) + ' %';
		}});
		labels.set(hash, label);
		setInput(hash);
		if (location.hash === '#' + hash)
			showOne(hash);
		else
			location.hash = '#' + hash;
	} catch (error) {
		if (!signal.aborted) {
			show(null);
			complain('\u201c' + visible(label) + '\u201d could not be hashed: ' + error.message);
		}
	}
}

function takeFiles(files) {
	if (files.length === 0)
		return;
	if (files.length === 1) {
		runFile(files[0]);
		return;
	}
	const signal = beginWork();
	const rows = files.map((f) => newRow(f.label));
	setInput('');
	startList(rows, count(files.length, 'file'), 0);
	runFiles(files, rows, signal);
}

// --------------------------------------------------------------------- input

function setInput(text) {
	input.value = text;
	fit();
}

function fit() {
	input.rows = Math.min(10, Math.max(1, input.value.split('\n', 12).length));
}

function submit() {
	const {entries, without} = parseList(input.value);

	trouble.textContent = '';
	if (entries.length === 0) {
		complain(input.value.trim() === '' ? 'Paste a hash first, or choose files.'
			: 'There is no MD5, SHA-1 or SHA-256 in this: 32, 40 or 64 of the signs 0\u20139 and a\u2013f.');
		return;
	}
	if (entries.length === 1) {
		const {query, label} = entries[0];
		if (label !== '')
			labels.set(query, label);
		if (location.hash === '#' + query)
			showOne(query);
		else
			location.hash = '#' + query;
		return;
	}
	const signal = beginWork();
	const rows = entries.map((e) => newRow(e.label, e.query));
	for (const e of entries)
		if (e.label !== '')
			labels.set(e.query, e.label);
	input.scrollTop = 0;
	startList(rows, count(entries.length, 'hash', 'hashes'), without);
	runList(rows, signal);
}

function route() {
	const text = location.hash.slice(1);
	const hash = hashOf(text);

	if (hash !== null) {
		showOne(hash);
	} else if (text === 'list' && list !== null) {
		beginLook();
		openList();
	} else if (text === '' || text === 'list') {
		beginLook();
		show(null);
		input.focus();
	} else if (text !== 'result') {
		beginLook();
		show(null);
		complain('The address holds no hash.');
	}
}

function listen() {
	const drop = document.getElementById('drop');
	const picker = document.getElementById('files');
	const form = document.getElementById('ask');
	let depth = 0;
	const hasFiles = (event) => event.dataTransfer?.types.includes('Files');

	form.addEventListener('submit', (event) => {
		event.preventDefault();
		submit();
	});
	input.addEventListener('input', fit);
	input.addEventListener('keydown', (event) => {
		if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
			event.preventDefault();
			submit();
		}
	});
	document.getElementById('choose').addEventListener('click', () => picker.click());
	picker.addEventListener('change', () => {
		takeFiles(chosen(picker.files));
		picker.value = '';
	});
	window.addEventListener('dragenter', (event) => {
		if (hasFiles(event)) {
			depth++;
			drop.hidden = false;
		}
	});
	window.addEventListener('dragleave', (event) => {
		if (hasFiles(event) && --depth <= 0) {
			depth = 0;
			drop.hidden = true;
		}
	});
	window.addEventListener('dragover', (event) => {
		if (hasFiles(event))
			event.preventDefault();
	});
	window.addEventListener('drop', async (event) => {
		if (!hasFiles(event))
			return;
		event.preventDefault();
		depth = 0;
		drop.hidden = true;
		takeFiles(await dropped(event.dataTransfer));
	});
	document.querySelector('.skip').addEventListener('click', (event) => {
		event.preventDefault();
		focusResult();
	});
	window.addEventListener('hashchange', route);
}

// -------------------------------------------------------------------- footer

// Which sets answer. The page works without.
async function loadSets() {
	const place = document.getElementById('sets');
	try {
		place.replaceChildren(setsView((await api.sets()).sets));
	} catch {
		place.replaceChildren();
	}
}

// The words of the answers, on the start page.
function legend() {
	document.getElementById('legend').replaceChildren(...ORDER.filter((v) => v !== 'ambiguous' && v !== 'error')
		.map((v) => el('div', {}, el('dt', {}, badge(v)), el('dd', {}, VERDICTS[v].text))));
}

legend();
listen();
route();
loadSets();
