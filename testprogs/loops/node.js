// libuv under load: children with piped stdio and channels, handles that go to them, timers, signals, worker threads and
// the thread pool, all at once. LOAD says how much.
const { spawn, fork, execFile } = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const crypto = require('crypto');
const fs = require('fs');
const net = require('net');
const LOAD = Number(process.env.LOAD || 1);

if (!isMainThread) {
  parentPort.on('message', (m) => (m === null ? parentPort.close() : parentPort.postMessage(m + 1)));
} else if (process.argv[2] === 'child') {
  process.on('message', (m, socket) => {
    if (m === 'end') return process.disconnect();
    if (!socket) return process.send(m * 2);
    socket.end(`${m} served\n`);
  });
} else {
  setImmediate(main);
}

const ended = (p) => new Promise((resolve) => p.on('close', (code, signal) => resolve([code, signal])));
const times = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));

async function inTurn(n, width, f) {
  let next = 0;
  const out = [];
  await times(width, async () => {
    while (next < n) {
      const i = next++;
      out[i] = await f(i);
    }
  });
  return out;
}

// a line there, a line back
async function talk(lines) {
  const p = spawn('sh', ['-c', 'while read -r x; do echo "$x$x"; done; echo end >&2']);
  let text = '', err = '', sent = 0;
  const step = () => (sent < lines ? p.stdin.write(`${sent++}\n`) : p.stdin.end());
  p.stderr.on('data', (d) => { err += d; });
  p.stdout.on('data', (d) => {
    text += d;
    if (text.endsWith('\n') && text.split('\n').length - 1 === sent) step();
  });
  step();
  const how = await ended(p);
  const right = text === Array.from({ length: lines }, (_, i) => `${i}${i}\n`).join('');
  return [how[0], right, err];
}

async function bulk(i) {
  const p = spawn('cat'), hash = crypto.createHash('md5');
  p.stdout.on('data', (d) => hash.update(d));
  for (let n = 0; n < 30; n++) {
    if (!p.stdin.write(Buffer.alloc(7001 + n, i + n))) await new Promise((r) => p.stdin.once('drain', r));
  }
  p.stdin.end();
  await ended(p);
  return hash.digest('hex').slice(0, 8);
}

async function channels() {
  const p = fork(__filename, ['child']);
  let sum = 0;
  const n = 400 * LOAD;
  const all = new Promise((resolve) => {
    let left = n;
    p.on('message', (m) => { sum += m; if (--left === 0) resolve(); });
  });
  for (let i = 0; i < n; i++) p.send(i);
  await all;
  // each connection of a server goes to the child, which answers it
  const path = `${process.env.OUT}/s${process.pid}`;
  let count = 0;
  const server = net.createServer({ pauseOnConnect: true }, (c) => p.send(count++, c));
  await new Promise((r) => server.listen(path, r));
  const answers = await inTurn(20 * LOAD, 4, () => new Promise((resolve) => {
    let text = '';
    net.connect(path).on('data', (d) => { text += d; }).on('end', () => resolve(text.split(' ')[1].trim()));
  }));
  server.close();
  p.send('end');
  return [sum, answers.length, [...new Set(answers)], await ended(p)];
}

async function workers() {
  return times(3, (i) => new Promise((resolve) => {
    const w = new Worker(__filename);
    let v = i;
    w.on('message', (m) => { v = m; w.postMessage(m < 700 * LOAD ? m : null); });
    w.on('exit', () => resolve(v));
    w.postMessage(v);
  }));
}

async function timers() {
  const order = [];
  await times(60, (i) => new Promise((r) => setTimeout(() => { order.push(i % 6); r(); }, 20 + 40 * (i % 6))));
  let ticks = 0;
  await new Promise((r) => { const t = setInterval(() => { if (++ticks === 50) { clearInterval(t); r(); } }, 2); });
  return [order.join('') === order.slice().sort().join(''), ticks];
}

async function signals() {
  let got = 0;
  for (let i = 0; i < 50 * LOAD; i++) {
    await new Promise((r) => { process.once('SIGUSR2', () => { got++; r(); }); process.kill(process.pid, 'SIGUSR2'); });
  }
  return got;
}

const limits = () => times(6, (i) => new Promise((r) => execFile('sleep', ['100'], { timeout: 50 + i * 10 }, (e) => r([e.killed, e.signal]))));

const pool = () => inTurn(60 * LOAD, 8, async (i) => {
  const name = `${process.env.OUT}/f${i}`;
  await fs.promises.writeFile(name, String(i));
  const text = await fs.promises.readFile(name, 'utf8');
  await fs.promises.unlink(name);
  const key = await new Promise((r) => crypto.pbkdf2(text, 's', 50, 8, 'sha1', (_, k) => r(k.toString('hex'))));
  return key.slice(0, 2);
});

async function main() {
  const all = { talks: inTurn(8 * LOAD, 4, () => talk(60)), bulks: inTurn(24 * LOAD, 6, bulk), channels: channels(), workers: workers(), timers: timers(), signals: signals(), limits: limits(), pool: pool() };
  for (const [name, what] of Object.entries(all)) console.log(name, JSON.stringify(await what));
}
