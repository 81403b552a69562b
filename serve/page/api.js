// SPDX-License-Identifier: Apache-2.0
//
// api.js: asks the server. What it could not tell is an ApiError, never an answer.

const KEY = 'kith-api-key';
// A list goes in pieces that fit into the buffers on the way: the server answers while it reads,
// and a browser reads only when it has sent everything.
const PIECE = 400;

export class ApiError extends Error {
	// kind: 'key', 'busy' (could not tell), 'bad' (the question), 'gone' (no server), 'odd'
	constructor(kind, message) {
		super(message);
		this.kind = kind;
	}
}

export function hasKey() {
	return sessionStorage.getItem(KEY) !== null;
}

export function setKey(key) {
	if (key === '')
		sessionStorage.removeItem(KEY);
	else
		sessionStorage.setItem(KEY, key);
}

async function ask(path, options = {}) {
	const headers = {...options.headers};
	const key = sessionStorage.getItem(KEY);
	let response;

	if (key !== null)
		headers['x-apikey'] = key;
	try {
		response = await fetch(path, {...options, headers, cache: 'no-store', credentials: 'omit',
			redirect: 'error', referrerPolicy: 'no-referrer'});
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new ApiError('gone', 'The server does not answer.');
	}
	if (response.ok)
		return response;
	let message = '';
	try {
		message = (await response.json()).error.message;
	} catch {
		// a proxy's page, say: the status alone must do
	}
	if (response.status === 401 || response.status === 403)
		throw new ApiError('key', message);
	if (response.status === 503 || response.status === 429)
		throw new ApiError('busy', message);
	throw new ApiError(response.status === 400 ? 'bad' : 'odd',
		message || 'The server answered with status ' + response.status + '.');
}

async function json(path, signal) {
	const response = await ask(path, {signal});
	try {
		return await response.json();
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new ApiError('odd', 'The answer broke off or is no JSON.');
	}
}

export function file(hash, signal, limit) {
	return json('/v1/files/' + hash + (limit ? '?limit=' + limit : ''), signal);
}

export function sets(signal) {
	return json('/v1/sets', signal);
}

async function* lines(response) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	for (;;) {
		const {value, done} = await reader.read();
		if (done)
			break;
		const parts = (rest + value).split('\n');
		rest = parts.pop();
		yield* parts;
	}
	if (rest !== '')
		throw new ApiError('odd', 'The answers broke off.');
}

// Calls got(i, answer) for each hash, in order, as the answers come. They have what a table shows:
// all names, products and distributors, but not all occurrences.
export async function files(hashes, signal, got) {
	for (let from = 0; from < hashes.length; from += PIECE) {
		const piece = hashes.slice(from, from + PIECE);
		const response = await ask('/v1/files?limit=1', {method: 'POST', signal, body: piece.join('\n') + '\n',
			headers: {'content-type': 'text/plain'}});
		let n = 0;
		try {
			for await (const line of lines(response)) {
				if (n < piece.length)
					got(from + n, JSON.parse(line));
				n++;
			}
		} catch (error) {
			if (error.name === 'AbortError' || error instanceof ApiError)
				throw error;
			throw new ApiError('odd', 'The answers broke off.');
		}
		if (n !== piece.length)
			throw new ApiError('odd', 'The server gave ' + n + ' answers to ' + piece.length + ' hashes.');
	}
}
