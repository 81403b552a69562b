// SPDX-License-Identifier: Apache-2.0
//
// sha256.js: a worker that hashes files, piece by piece. The browser's own digest() wants a whole
// file in memory and is missing on plain http, which is what an isolated network has.
//
// It is sent {id, file, chunk} and answers {id, done} with bytes as it goes, then {id, hex} or
// {id, error}. Nothing that it reads leaves it but the digest.
'use strict';

const K = Int32Array.of(
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);
const START = [
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

class Sha256 {
	constructor() {
		this.state = Int32Array.from(START);
		this.words = new Int32Array(64);
		this.rest = new Uint8Array(64); // of a block that is not full yet
		this.nRest = 0;
		this.total = 0;
	}

	update(data) {
		let at = 0;
		this.total += data.length;
		if (this.nRest > 0) {
			at = Math.min(64 - this.nRest, data.length);
			this.rest.set(data.subarray(0, at), this.nRest);
			this.nRest += at;
			if (this.nRest < 64)
				return;
			this.blocks(this.rest, 0, 64);
			this.nRest = 0;
		}
		const end = data.length - (data.length - at) % 64;
		this.blocks(data, at, end);
		this.rest.set(data.subarray(end));
		this.nRest = data.length - end;
	}

	blocks(data, at, end) {
		const s = this.state, w = this.words;
		let h0 = s[0], h1 = s[1], h2 = s[2], h3 = s[3], h4 = s[4], h5 = s[5], h6 = s[6], h7 = s[7];

		for (; at < end; at += 64) {
			let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7, i;
			for (i = 0; i < 16; i++) {
				const p = at + 4 * i;
				w[i] = data[p] << 24 | data[p + 1] << 16 | data[p + 2] << 8 | data[p + 3];
			}
			for (; i < 64; i++) {
				const x = w[i - 15], y = w[i - 2];
				const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
				const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
				w[i] = w[i - 16] + s0 + w[i - 7] + s1 | 0;
			}
			for (i = 0; i < 64; i++) {
				const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
				const t1 = h + s1 + (g ^ e & (f ^ g)) + K[i] + w[i] | 0;
				const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
				const t2 = s0 + (a & b | c & (a | b)) | 0;
				h = g;
				g = f;
				f = e;
				e = d + t1 | 0;
				d = c;
				c = b;
				b = a;
				a = t1 + t2 | 0;
			}
			h0 = h0 + a | 0;
			h1 = h1 + b | 0;
			h2 = h2 + c | 0;
			h3 = h3 + d | 0;
			h4 = h4 + e | 0;
			h5 = h5 + f | 0;
			h6 = h6 + g | 0;
			h7 = h7 + h | 0;
		}
		s.set([h0, h1, h2, h3, h4, h5, h6, h7]);
	}

	hex() {
		const total = this.total;
		const tail = new Uint8Array(this.nRest < 56 ? 64 - this.nRest : 128 - this.nRest);
		const view = new DataView(tail.buffer);
		tail[0] = 0x80;
		// The length in bits, of which a number holds 53 exactly.
		view.setUint32(tail.length - 8, Math.floor(total / 0x20000000));
		view.setUint32(tail.length - 4, total % 0x20000000 * 8);
		this.update(tail);
		return Array.from(this.state, (v) => (v >>> 0).toString(16).padStart(8, '0')).join('');
	}
}

async function hashFile(file, chunk, progress) {
	const sha = new Sha256();
	let at = 0;
	let next = file.slice(0, chunk).arrayBuffer();
	while (at < file.size) {
		const data = new Uint8Array(await next);
		if (data.length === 0)
			throw new Error('the file became shorter');
		at += data.length;
		if (at < file.size) // is read while this one is hashed
			next = file.slice(at, at + chunk).arrayBuffer();
		sha.update(data);
		progress(at);
	}
	return sha.hex();
}

self.addEventListener('message', async ({data: {id, file, chunk}}) => {
	try {
		self.postMessage({id, hex: await hashFile(file, chunk, (done) => self.postMessage({id, done}))});
	} catch (error) {
		self.postMessage({id, error: String(error && error.message || error)});
	}
});
