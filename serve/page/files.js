// SPDX-License-Identifier: Apache-2.0
//
// files.js: files that were dropped or chosen, hashed in workers. They are not sent anywhere.

const CHUNK = 4 << 20;
const MOST_FILES = 100000;
const SCRIPT = '/page/sha256.js';

const policy = window.trustedTypes === undefined ? null
	: window.trustedTypes.createPolicy('kith', {
		createScriptURL(url) {
			if (url !== SCRIPT)
				throw new TypeError('no script of this page');
			return url;
		},
	});

class Pool {
	constructor() {
		this.idle = [];
		this.waiting = [];
		this.n = 0;
		this.most = Math.max(1, Math.min(4, navigator.hardwareConcurrency || 1));
	}

	async take() {
		if (this.idle.length > 0)
			return this.idle.pop();
		if (this.n < this.most) {
			this.n++;
			return new Worker(policy === null ? SCRIPT : policy.createScriptURL(SCRIPT));
		}
		return new Promise((resolve) => this.waiting.push(resolve));
	}

	give(worker) {
		if (this.waiting.length > 0)
			this.waiting.shift()(worker);
		else
			this.idle.push(worker);
	}

	// A worker that is in the middle of a file has no other way to stop.
	end(worker) {
		worker.terminate();
		this.n--;
		if (this.waiting.length > 0)
			this.take().then(this.waiting.shift());
	}
}

const pool = new Pool();

// The SHA-256 of a File in hex. progress(bytes) is called on the way.
export async function hashFile(file, {chunk = CHUNK, progress = () => {}, signal = undefined} = {}) {
	const worker = await pool.take();
	let alive = true, stop = null;
	const end = () => {
		alive = false;
		pool.end(worker);
	};

	try {
		signal?.throwIfAborted();
		return await new Promise((resolve, reject) => {
			stop = () => {
				end();
				reject(signal.reason);
			};
			signal?.addEventListener('abort', stop);
			worker.onmessage = ({data}) => {
				if (data.hex !== undefined)
					resolve(data.hex);
				else if (data.error !== undefined)
					reject(new Error(data.error));
				else
					progress(data.done);
			};
			worker.onerror = (event) => {
				end();
				reject(new Error(event.message || 'the worker failed'));
			};
			worker.postMessage({id: 0, file, chunk});
		});
	} finally {
		signal?.removeEventListener('abort', stop);
		if (alive)
			pool.give(worker);
	}
}

function entries(reader) {
	return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walk(entry, path, out) {
	if (out.length >= MOST_FILES) {
		if (out.length === MOST_FILES)
			out.push({file: null, label: 'all behind the first ' + MOST_FILES + ' files'});
		return;
	}
	if (entry.isFile) {
		const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
		out.push({file, label: path + entry.name});
		return;
	}
	const reader = entry.createReader();
	for (;;) { // a browser gives some 100 at a time
		const some = await entries(reader).catch(() => null);
		if (some === null)
			out.push({file: null, label: path + entry.name + '/'});
		if (some === null || some.length === 0 || out.length > MOST_FILES)
			return;
		for (const child of some)
			await walk(child, path + entry.name + '/', out);
	}
}

// [{file, label}] of a drop, folders included; file null: it cannot be read.
export async function dropped(transfer) {
	// Both must be taken before the first await: then the transfer is empty.
	const roots = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
	const plain = chosen(transfer.files);
	const out = [];
	if (roots.length === 0)
		return plain;
	for (const root of roots)
		await walk(root, '', out);
	return out;
}

export function chosen(files) {
	return Array.from(files, (file) => ({file, label: file.webkitRelativePath || file.name}));
}
