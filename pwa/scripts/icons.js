/** Draws the app's icons from one shape: static/icons/*.png and icon.svg. Run after a change here. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const FOLDER = new URL('../static/icons/', import.meta.url);
const GROUND = [11, 111, 102];
const MARK = [255, 255, 255];
/** A bolt on a grid of 24. */
const BOLT = [
  [13, 2],
  [5, 13.5],
  [11, 13.5],
  [10, 22],
  [19, 9.5],
  [12.5, 9.5]
];
const SAMPLES = 4;

function inside([x, y], polygon) {
  let odd = false;
  polygon.forEach(([x1, y1], index) => {
    const [x2, y2] = polygon[(index + 1) % polygon.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  });
  return odd;
}

/** 1 inside a square of the unit with rounded corners, else 0. */
function onGround(x, y, radius) {
  const dx = Math.max(radius - x, x - (1 - radius), 0);
  const dy = Math.max(radius - y, y - (1 - radius), 0);
  return Math.hypot(dx, dy) <= radius;
}

/** `fill`: how much of the square the bolt's grid takes; `radius` null leaves the ground out. */
function pixel(x, y, { fill, radius }) {
  const grid = (value) => ((value - 0.5) / fill + 0.5) * 24;
  if (inside([grid(x), grid(y)], BOLT)) return [...MARK, 255];
  return radius !== null && onGround(x, y, radius) ? [...GROUND, 255] : [0, 0, 0, 0];
}

function averaged(column, row, size, look) {
  const sum = [0, 0, 0, 0];
  for (let a = 0; a < SAMPLES; a++) {
    for (let b = 0; b < SAMPLES; b++) {
      const x = (column + (a + 0.5) / SAMPLES) / size;
      const y = (row + (b + 0.5) / SAMPLES) / size;
      const [red, green, blue, alpha] = pixel(x, y, look);
      [red * alpha, green * alpha, blue * alpha, alpha].forEach((v, i) => (sum[i] += v));
    }
  }
  const alpha = sum[3];
  const colour = sum.slice(0, 3).map((value) => (alpha ? Math.round(value / alpha) : 0));
  return [...colour, Math.round(alpha / SAMPLES ** 2)];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

function png(size, look) {
  const rows = [];
  for (let row = 0; row < size; row++) {
    rows.push(0);
    for (let column = 0; column < size; column++) rows.push(...averaged(column, row, size, look));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const data = deflateSync(Buffer.from(rows), { level: 9 });
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0))
  ]);
}

const points = BOLT.map(
  ([x, y]) => `${((x / 24 - 0.5) * 0.62 + 0.5) * 64} ${((y / 24 - 0.5) * 0.62 + 0.5) * 64}`
);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="rgb(${GROUND})"/><path d="M${points.join('L')}Z" fill="#fff"/></svg>\n`;

mkdirSync(FOLDER, { recursive: true });
writeFileSync(new URL('icon.svg', FOLDER), svg);
const files = {
  'icon-192.png': [192, { fill: 0.62, radius: 0.22 }],
  'icon-512.png': [512, { fill: 0.62, radius: 0.22 }],
  'maskable-512.png': [512, { fill: 0.5, radius: 0 }],
  'apple-touch-icon.png': [180, { fill: 0.6, radius: 0 }],
  'badge.png': [96, { fill: 0.95, radius: null }]
};
for (const [name, [size, look]] of Object.entries(files)) {
  writeFileSync(new URL(name, FOLDER), png(size, look));
}
console.log(`${Object.keys(files).length + 1} icons`);
