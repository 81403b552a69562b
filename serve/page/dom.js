// SPDX-License-Identifier: Apache-2.0
//
// dom.js: elements and text. Text is only ever set as text: names come from files, and files from
// anybody.

export function el(tag, props = {}, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (value === undefined || value === null || value === false)
			continue;
		if (name.startsWith('on'))
			node.addEventListener(name.slice(2), value);
		else
			node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
	return node;
}

// What cannot be seen, or turns what follows around, is shown as a sign.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function visible(text) {
	return text.replace(UNSEEN, (c) => {
		const code = c.charCodeAt(0);
		if (code < 0x20)
			return String.fromCharCode(0x2400 + code);
		return code === 0x7f ? '\u2421' : '\ufffd';
	});
}

const NUMBER = new Intl.NumberFormat('en');

export function number(n) {
	return NUMBER.format(n);
}

export function count(n, one, many = one + 's') {
	return number(n) + ' ' + (n === 1 ? one : many);
}

// "a", "a and b", "a, b and 3 more"
export function listing(names, most = 3) {
	if (names.length === 0)
		return '';
	const shown = names.length <= most ? names.slice(0, -1) : names.slice(0, most - 1);
	const last = names.length <= most ? names[names.length - 1] : number(names.length - shown.length) + ' more';
	return shown.length === 0 ? last : shown.join(', ') + ' and ' + last;
}

export function size(n) {
	if (n === null || n === undefined)
		return 'size not known';
	if (n < 1024)
		return count(n, 'byte');
	const units = ['KiB', 'MiB', 'GiB', 'TiB'];
	let v = n, i = -1;
	do {
		v /= 1024;
		i++;
	} while (v >= 1024 && i < units.length - 1);
	return v.toFixed(v < 10 ? 2 : 1) + ' ' + units[i];
}

export function say(text) {
	document.getElementById('status').textContent = text;
}
